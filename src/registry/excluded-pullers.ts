import { describeAwsPrincipal, findAwsPrincipal } from "../access/index.ts";
import type { Principal } from "../access/index.ts";
import { readPullExclusions } from "./ecr/pull-exclusions.ts";
import type { SettingsOfAccount } from "./ecr/account-settings.ts";
import type { Registry } from "./registry.ts";

/** Who pulls what. */
export interface Puller {
  readonly principal: Principal;
  /** Name of the repository. */
  readonly repository: string;
}

/** Of one account that excludes anybody. */
interface Excluding {
  readonly namespace: string;
  /** As {@link describeAwsPrincipal} names them. */
  readonly names: ReadonlySet<string>;
}

/**
 * Whose pulls do not count as use, as clients of ECR set it. Looked at anew once rights have moved, which every change of it does,
 * on the first pull after that: where nobody is excluded, a pull costs a comparison of numbers.
 */
export class ExcludedPullers {
  readonly #registry: Registry;
  readonly #accounts: readonly SettingsOfAccount[];
  readonly #names = new WeakMap<Principal, string>();
  #version = -1;
  #excluding: readonly Excluding[] = [];
  #asking: Promise<void> | undefined;

  constructor(registry: Registry, accounts: readonly SettingsOfAccount[]) {
    this.#registry = registry;
    this.#accounts = accounts;
  }

  /** Whether this pull counts; it does where the rows cannot be read. */
  counts(puller: Puller): boolean | Promise<boolean> {
    const { kind } = puller.principal;
    // Nobody can name these by an ARN.
    if (kind !== "account" && kind !== "robot" && kind !== "workload") return true;
    const version = this.#registry.access.version.current();
    if (version === this.#version) return this.#countsNow(puller);
    this.#asking ??= this.#look(version).finally(() => (this.#asking = undefined));
    return this.#asking.then(
      () => this.#countsNow(puller),
      () => true,
    );
  }

  #countsNow({ principal, repository }: Puller): boolean {
    for (const { namespace, names } of this.#excluding) {
      const within = namespace === "" || repository.startsWith(`${namespace}/`);
      if (within && names.has(this.#nameOf(principal))) return false;
    }
    return true;
  }

  #nameOf(principal: Principal): string {
    const known = this.#names.get(principal);
    if (known !== undefined) return known;
    const name = describeAwsPrincipal(principal) ?? "";
    this.#names.set(principal, name);
    return name;
  }

  async #look(version: number): Promise<void> {
    const excluding: Excluding[] = [];
    for (const { account, namespace } of this.#accounts) {
      const exclusions = await readPullExclusions(this.#registry.metadata.read, account);
      const names = new Set(exclusions.flatMap(({ arn }) => findAwsPrincipal(arn, account) ?? []));
      if (names.size > 0) excluding.push({ namespace, names });
    }
    this.#excluding = excluding;
    this.#version = version;
  }
}
