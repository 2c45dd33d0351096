import { RegistryError } from "../oci/index.ts";

/** What is wrong with a credential: for the audit row, never for whoever shows it. */
export class LoginFailure extends Error {
  readonly credential: string;
  /** The account or robot, where it is one of ours. */
  readonly whose: string;
  constructor(credential: string, whose: string, why: string) {
    super(why);
    this.credential = credential;
    this.whose = whose;
  }
}

/** The same words for all that may be wrong. */
export function wrongCredential(cause: LoginFailure): RegistryError {
  const message =
    "the user name or its password or token is wrong, expired or revoked: log in again, or ask for a new token";
  return new RegistryError("UNAUTHORIZED", message, { cause });
}
