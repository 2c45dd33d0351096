import { z } from "zod";
import { setting } from "./kinds.ts";

const { duration, flag, group, parsed, secret, text } = setting;
export const groupMapping = /^[^=].*=>\s*[a-z0-9]+(?:[._-][a-z0-9]+)*\s*$/;

/** Where people are kept, and how they are found there. */
export const ldapSettings = group(
  {
    url: parsed(parseLdapUrl, {
      about: "The directory. Without it people have accounts here only.",
      must: "ldap://host:389 or ldaps://host:636",
    }).optional(),
    startTls: flag(true, {
      about: "TLS on an `ldap://` connection before anything is said. Without it passwords can be read on the way.",
    }),
    ca: text({
      about: "Path of the certificates in PEM that the directory's is checked by, instead of the usual ones.",
    }).optional(),
    bindDn: text({ about: "Who searches, by distinguished name; nobody by name when not set." }).optional(),
    ...secret("bindPassword", { about: "Password of the one who searches." }),
    base: text({ about: "Below which entry people are looked for: `ou=people,dc=example,dc=com`." }).optional(),
    nameAttribute: text({ about: "What people log in with: `uid`, in Active Directory `sAMAccountName`." }).prefault(
      "uid",
    ),
    idAttribute: text({
      about: "What never changes about a person: `entryUUID`, in Active Directory `objectGUID`.",
    }).prefault("entryUUID"),
    filter: text({ about: "Another condition on people, as RFC 4515 writes it: `(employeeType=staff)`." }).optional(),
    groupBase: text({
      about: "Below which entry groups are looked for by their members; `memberOf` of the person is read when not set.",
    }).optional(),
    groups: z
      .array(
        z
          .string()
          .refine((line) => groupMapping.test(line), "lines such as `cn=dev,ou=groups,dc=example,dc=com => team-dev`"),
      )
      .prefault([])
      .describe(
        "Which groups of the directory are which here, by distinguished or short name: `dev => team-dev`. Others are left out then. Without any, groups keep their names, and join none that was made here.",
      ),
    timeout: duration("5s", { about: "How long each step may take.", least: 100 }),
  },
  { about: "People of an LDAP directory, Active Directory among them." },
);

function parseLdapUrl(value: string): string {
  const url = new URL(value);
  if (
    !/^ldaps?:$/.test(url.protocol) ||
    url.hostname === "" ||
    !/^\/?$/.test(url.pathname) ||
    url.search ||
    url.username
  ) {
    throw new RangeError("not a directory");
  }
  return `${url.protocol}//${url.host}`;
}
