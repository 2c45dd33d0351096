/** 21 characters, as AWS's are; the same for the same row. */
export function uniqueId(kind: string, id: number): string {
  return kind + id.toString(32).toUpperCase().padStart(17, "0");
}
