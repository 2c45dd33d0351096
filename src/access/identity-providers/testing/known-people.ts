import { RegistryError } from "../../../oci/index.ts";
import type { Identity, IdentityProvider } from "../identity-provider.ts";

/** An identity provider that holds people in memory, and can be down. */
export class KnownPeople implements IdentityProvider {
  readonly source = "ldap";
  readonly people = new Map<string, { readonly identity: Identity; readonly password: string }>();
  down = false;
  asked = 0;
  /** What it waits for before it answers. */
  holds: Promise<void> | undefined;

  authenticate(name: string, password: string): Promise<Identity | undefined> {
    return this.#answer(() => {
      const person = this.people.get(name);
      return person !== undefined && password !== "" && person.password === password ? person.identity : undefined;
    });
  }

  find(name: string): Promise<Identity | undefined> {
    return this.#answer(() => this.people.get(name)?.identity);
  }

  async #answer<T>(work: () => T): Promise<T> {
    this.asked++;
    await this.holds;
    if (this.down) throw new RegistryError("UNAVAILABLE", "the directory does not answer");
    return work();
  }
}
