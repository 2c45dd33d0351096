import { RegistryError } from "./error.ts";

declare const brand: unique symbol;

/** `team/app`: path components joined by slashes, at most 255 characters. Made by {@link parseRepositoryName}. */
export type RepositoryName = string & { readonly [brand]: "RepositoryName" };

/** A tag, at most 128 characters. Made by {@link parseTag}. */
export type Tag = string & { readonly [brand]: "Tag" };

const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const attachment = /^sha256-[a-f0-9]{64}(?:\.(?:sig|att|sbom))?$/;

/** Characters. */
export const repositoryNameLimit = 255;

/** Distribution specification, "Pulling manifests": `<name>`. @throws RegistryError NAME_INVALID */
export function parseRepositoryName(text: string): RepositoryName {
  if (isRepositoryName(text)) return text;
  const message =
    text.length > repositoryNameLimit
      ? `a repository name has at most ${repositoryNameLimit} characters, this one has ${text.length}`
      : "a repository name has lower-case letters, digits, and single separators (. _ __ -) between them, in parts joined by slashes";
  throw new RegistryError("NAME_INVALID", message, { detail: { name: text.slice(0, 260) } });
}

/** As {@link parseRepositoryName}. */
export function isRepositoryName(text: string): text is RepositoryName {
  if (text.length === 0 || text.length > repositoryNameLimit) return false;
  return text.split("/").every((part) => component.test(part));
}

/** @throws RegistryError TAG_INVALID */
export function parseTag(text: string): Tag {
  if (isTag(text)) return text;
  const message =
    "a tag has 1 to 128 letters, digits, underscores, dots and dashes, and does not begin with a dot or dash";
  throw new RegistryError("TAG_INVALID", message, { detail: { tag: text.slice(0, 150) } });
}

/** As {@link parseTag}. */
export function isTag(text: string): text is Tag {
  return tagPattern.test(text);
}

/** Tags that belong to another manifest, such as cosign's `sha256-<hex>.sig`. */
export function isAttachmentTag(tag: string): boolean {
  return attachment.test(tag);
}
