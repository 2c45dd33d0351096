/** Somebody as an identity provider knows them. */
export interface Identity {
  /** What the provider calls them for ever; a name may come to mean another person. */
  readonly externalId: string;
  /** What they type: lower-case letters, digits and single separators. */
  readonly name: string;
  readonly display: string | null;
  readonly email: string | null;
  /** All of their groups at the moment, by names of ours. */
  readonly groups: readonly IdentityGroup[];
}

/** A group of ours that a provider puts somebody into. */
export interface IdentityGroup {
  readonly name: string;
  /** The operator named this group for the provider; else it joins only groups that the provider brought. */
  readonly mapped: boolean;
}

/** Whoever keeps people, their passwords and groups elsewhere. */
export interface IdentityProvider {
  /** In `account.source` and `membership.source`: `ldap`. */
  readonly source: string;
  /**
   * Who this is; undefined when there is no such name, the password is wrong or empty, or the name is not of one person.
   * @throws RegistryError UNAVAILABLE when the provider does not answer
   */
  authenticate(name: string, password: string): Promise<Identity | undefined>;
  /** The same without a password, to look again. @throws RegistryError UNAVAILABLE */
  find(name: string): Promise<Identity | undefined>;
}
