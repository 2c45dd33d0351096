import type { ManifestDocument } from "./manifest.ts";

/** What the registry remembers of an image; all of it is the builder's word. */
export interface ImageFacts {
  readonly os: string | undefined;
  readonly architecture: string | undefined;
  readonly variant: string | undefined;
  /** RFC 3339. */
  readonly created: string | undefined;
  readonly labels: Readonly<Record<string, string>> | undefined;
  /** The manifest's own. */
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

const textLimit = 1024;
const labelsLimit = 64 * 1024;

/** Reads an image config (image specification, "Image Configuration"); what cannot be read is undefined. */
export function imageFacts(config: Uint8Array | undefined, document: ManifestDocument): ImageFacts {
  const object = config === undefined ? {} : readObject(config);
  const text = (name: string) => {
    const value = object[name];
    return typeof value === "string" && value !== "" && isKept(value) ? value : undefined;
  };
  const created = text("created") ?? document.annotations?.["org.opencontainers.image.created"];
  return {
    os: text("os"),
    architecture: text("architecture"),
    variant: text("variant"),
    created: created !== undefined && isKept(created) ? created : undefined,
    labels: readLabels(object["config"]),
    annotations: JSON.stringify(document.annotations ?? null).length > labelsLimit ? undefined : document.annotations,
  };
}

/** PostgreSQL takes no NUL in a text. */
function isKept(value: string): boolean {
  return value.length <= textLimit && !value.includes("\0");
}

function readObject(bytes: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function readLabels(config: unknown): Readonly<Record<string, string>> | undefined {
  if (typeof config !== "object" || config === null) return undefined;
  const labels = (config as Record<string, unknown>)["Labels"];
  if (typeof labels !== "object" || labels === null || Array.isArray(labels)) return undefined;
  const entries = Object.entries(labels).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  if (JSON.stringify(entries).length > labelsLimit) return undefined;
  return Object.fromEntries(entries);
}
