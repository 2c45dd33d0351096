/** A key pair as it is kept. */
export interface SealedKey {
  readonly id: string;
  readonly sealed: string;
}
