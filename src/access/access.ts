import type { GuardedFetch } from "../lib/index.ts";
import type { Metadata } from "../metadata/index.ts";
import type { KeyRing } from "./key-ring.ts";
import type { LoginThrottle } from "./login-throttle.ts";
import type { RightsSource } from "./rights-source.ts";
import type { AccessWrites } from "./writes.ts";
import type { RefusalLog } from "./refusals.ts";
import type { IdentityProvider } from "./identity-providers/identity-provider.ts";
import type { Issuers } from "./issuers.ts";
import type { SsoProvider } from "./sso/sso-provider.ts";

/** Limits and times; durations are milliseconds. */
export interface AccessSettings {
  /** Everybody may do everything: development on loopback. */
  readonly open: boolean;
  /** The longest that a personal token may be good for. */
  readonly tokenAge: number;
  /** How long a robot's secret is good for when nobody says. */
  readonly robotAge: number;
  /** How far the clocks of issuers of identity tokens may be from ours. */
  readonly clockSkew: number;
  /** How long a registry token is good for. */
  readonly registryTokenAge: number;
  /** How long a refresh token is good for. */
  readonly refreshAge: number;
  /** How old it may be what a directory or provider said about a person. */
  readonly freshness: number;
  /** The same while the directory or provider cannot be asked. */
  readonly outage: number;
  /** How long a key signs registry tokens. */
  readonly keyAge: number;
  /** Wrong passwords in a row before each further one must wait; 0 never makes anybody wait. */
  readonly failedLogins: number;
}

/** What deciding about rights works with. */
export interface Access extends RightsSource {
  readonly metadata: Metadata<AccessWrites>;
  readonly settings: AccessSettings;
  /** What was refused lately and waits to be written down. */
  readonly refusals: RefusalLog;
  /** Who keeps people and their passwords elsewhere. */
  readonly directory: IdentityProvider | undefined;
  /** With which people log in by single sign-on. */
  readonly providers: readonly SsoProvider[];
  /** Asks them. */
  readonly fetch: GuardedFetch;
  /** Tells the operator what nobody waits for. */
  readonly alarm: (what: string, facts: object) => void;
  /** What issuers of identity tokens publish. */
  readonly issuers: Issuers;
  /** Keys that sign registry tokens, as far as this process knows them. */
  readonly keys: KeyRing;
  /** Seals the private halves of those keys in their rows. */
  readonly sealingKey: Uint8Array;
  /** When other certificates of clients were last believed here than before, or the process began; milliseconds since 1970. */
  readonly certificates: { changedAt: number };
  /** Who gave wrong passwords lately. */
  readonly logins: LoginThrottle;
  /** Key under which shown credentials are remembered; of this process alone. */
  readonly memoryKey: Uint8Array;
}
