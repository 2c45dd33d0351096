/** The same fields without what stood in them: a secret is shown once, and the request that made it is answered again. */
export function forgotten<T extends object>(secrets: T): { [field in keyof T]: null } {
  return Object.fromEntries(Object.keys(secrets).map((name) => [name, null])) as { [field in keyof T]: null };
}
