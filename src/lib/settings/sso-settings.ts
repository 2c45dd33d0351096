import { z } from "zod";
import { setting } from "./kinds.ts";
import { groupMapping } from "./ldap-settings.ts";

const { text } = setting;

/** Providers of OpenID Connect with which people log in; in the file only. */
export const ssoSettings = z
  .array(
    z.strictObject({
      name: z.string().regex(/^[a-z0-9-]{1,32}$/, "a short name of lower-case letters, digits and -"),
      issuer: z.url({ protocol: /^https?$/ }),
      clientId: text({ about: "As the provider registered this registry." }),
      clientSecret: text({ about: "Its secret; a public client has none." }).optional(),
      scopes: z.array(z.string().min(1)).prefault(["openid", "profile", "email"]),
      nameClaim: z.string().min(1).prefault("preferred_username"),
      groupsClaim: z.string().min(1).prefault("groups"),
      groups: z.array(z.string().regex(groupMapping, "lines such as `Admins => admins`")).prefault([]),
    }),
    "a list of providers, each with name, issuer and clientId",
  )
  .prefault([])
  .describe(
    "Providers of OpenID Connect with which people log in, in the file only: `name`, `issuer`, `clientId`, `clientSecret`, `scopes`, `nameClaim` (`preferred_username`), `groupsClaim` (`groups`), `groups` (as in `ldap.groups`).",
  )
  .meta({ secrecy: "whole" });
