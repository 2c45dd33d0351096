import type { GroupMapping } from "../identity-providers/map-groups.ts";

/** A provider of OpenID Connect with which people log in. */
export interface SsoProvider {
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly scopes: readonly string[];
  /** Whether it is asked for a refresh token by `offline_access`, where it says that it knows that scope. */
  readonly offlineAccess: boolean;
  /** What goes along when a browser is sent to it: `prompt`, `access_type`. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly nameClaim: string;
  readonly groupsClaim: string;
  readonly groups: GroupMapping;
}
