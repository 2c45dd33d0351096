import type { Principal } from "./principal.ts";

/** Whose a login or a token is, and by which credential, as it is written into registry and refresh tokens. */
export interface Holder {
  readonly kind: Principal["kind"];
  /** Of its row; 0 for `anonymous`. */
  readonly id: number;
  /** `password`, `token:12`, `secret:3`, `directory`, `certificate:1795570357`, `identity:1795570357`, `session:1795570357:token:12`, `none`. */
  readonly credential: string;
  /** Of the password, which must be the same still; of an identity token, who was believed by which rules; a certificate's name; of a session, its facts. */
  readonly fingerprint: string | null;
}

/** Somebody whose credential is good. */
export interface Held {
  readonly principal: Principal;
  /** It expires then; milliseconds since 1970. */
  readonly until: number;
  /** From then on a directory or provider is asked about its person again; undefined where none is. */
  readonly again?: number;
}

/** A credential that is good no more. */
export interface Ended {
  /** For the audit row, never for whoever shows it. */
  readonly ended: string;
  /** Account or robot, where it is one of ours: `user:alice`. */
  readonly whose: string;
}

/** What of a principal goes into its tokens. */
export function holderOf({ kind, id, credential, fingerprint }: Principal): Holder {
  return { kind, id, credential, fingerprint: fingerprint ?? null };
}

export function isOfCertificate({ credential }: Pick<Holder, "credential">): boolean {
  return credential.startsWith("certificate:");
}
