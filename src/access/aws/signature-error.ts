/** What is wrong with a signed request, by the names that services of AWS give it. */
export type SignatureErrorCode =
  | "MissingAuthenticationTokenException"
  | "IncompleteSignatureException"
  | "UnrecognizedClientException"
  | "InvalidSignatureException"
  | "ExpiredTokenException";

/** A request whose signature is not taken. Its message goes to the client; it tells nothing of secrets. */
export class SignatureError extends Error {
  readonly code: SignatureErrorCode;

  constructor(code: SignatureErrorCode, message: string) {
    super(message);
    this.name = "SignatureError";
    this.code = code;
  }
}

/** Of the parts of a signature: one is missing, twice there or of another form. */
export function incomplete(message: string): SignatureError {
  return new SignatureError("IncompleteSignatureException", message);
}

/** Of a signature that is whole and wrong. */
export function invalid(message: string): SignatureError {
  return new SignatureError("InvalidSignatureException", message);
}
