import { z } from "zod";
import { isDigest, isRepositoryName, isTag } from "../oci/index.ts";

/** What may be done; the same list as `policy/permissions.ts` has, which a test compares. */
export const action = z
  .enum([
    "pull",
    "push",
    "overwrite-tag",
    "delete",
    "create-repository",
    "delete-repository",
    "manage-settings",
    "manage-robots",
    "manage-access",
    "read-audit",
    "report-usage",
  ])
  .meta({ id: "Action" });

export const role = z.enum(["reader", "writer", "maintainer", "owner"]).meta({ id: "Role" });

/** Control characters break logs and terminals, and PostgreSQL takes no NUL. */
const isPrintable = (value: string) => !/\p{Cc}/u.test(value);

/** One line of text for people. @param limit characters */
export function line(limit: number): z.ZodString {
  return z.string().max(limit).refine(isPrintable, "has a control character: leave it out");
}

/** Of a user, a group, a robot, a trust rule: nothing that a shell or YAML would eat. */
export const plainName = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/, "has other than lower-case letters, digits and single . _ - between them");

export const repositoryName = z
  .string()
  .max(255)
  .refine(
    isRepositoryName,
    "is no repository name: lower-case letters, digits and single separators, parts joined by /",
  );

export const namespacePath = z
  .string()
  .max(200)
  .refine(
    (path) => path === "" || isRepositoryName(path),
    "is no namespace: lower-case letters, digits and single separators, parts joined by /; empty for the root",
  );

export const tagName = z.string().max(128).refine(isTag, "is no tag");

export const digest = z
  .string()
  .max(140)
  .refine(isDigest, "is no digest: sha256: and 64 digits of hex, or sha512: and 128");

/** A pattern of tags in which `*` stands for any characters. */
export const tagPattern = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[A-Za-z0-9_.*-]+$/, "has characters that no tag has; * stands for any");

/** Number of a row; names nothing outside the place that the path names. */
export const id = z.int().min(1).max(Number.MAX_SAFE_INTEGER);

/** Of deletes. */
export const force = z.boolean().optional().meta({ description: "Also what runs somewhere; of maintainers only" });

/** Of deletes. */
export const purge = z
  .boolean()
  .optional()
  .meta({ description: "Final at once, for legal reasons: nobody can undo it; takes manage-access as well" });

/** RFC 3339, in UTC. */
export const time = z.iso.datetime().meta({ description: "RFC 3339, in UTC" });

/** Seconds. */
export const seconds = z
  .int()
  .min(1)
  .max(10 * 365 * 86_400)
  .meta({ description: "Seconds" });

/** Where to go on, as the last page told it. */
const cursor = line(300).min(1).meta({ description: "What `next` of the last page said" });

/** What each list takes. */
export const pageQuery = {
  limit: z.int().min(1).max(1000).optional().meta({ description: "Entries of the page; 100 when not given" }),
  after: cursor.optional(),
};

/** A page of a list. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({
    items: z.array(item),
    next: z.string().nullable().meta({ description: "What to give as `after` for the next page; null on the last" }),
  });
}
