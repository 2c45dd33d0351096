/** A policy that cannot be taken: the message says what is wrong with it, in the words of its grammar. */
export class PolicyFault extends Error {
  override name = "PolicyFault";
}
