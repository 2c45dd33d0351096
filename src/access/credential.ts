/*
 * How a principal's credential is written: `token:12`, `secret:3`, `identity:1795570357`, `password`, … A session stands
 * before the one that it was made with: `session:1795570357:token:12`, where the number is when it ends (seconds since 1970).
 */

/** The credential behind a session's; any other is its own. */
export function rootCredential(credential: string): string {
  return credential.replace(/^(?:session:\d+:)+/, "");
}

/** Number of the personal token that is shown, by itself or by a session. */
export function findTokenNumber(credential: string): number | undefined {
  const number = /^token:(\d+)$/.exec(rootCredential(credential))?.[1];
  return number === undefined ? undefined : Number(number);
}
