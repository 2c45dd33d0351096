import { invalid, parseObject } from "./json-object.ts";

/** What a manifest of an index runs on (image specification, "Image Index"). */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant: string | undefined;
  readonly osVersion: string | undefined;
}

/** @throws RegistryError MANIFEST_INVALID */
export function parsePlatform(value: unknown, where: string): Platform | undefined {
  if (value === undefined || value === null) return undefined;
  const object = parseObject(value, `${where}.platform`);
  const text = (name: string): string | undefined => {
    const found = object[name];
    if (found === undefined) return undefined;
    if (typeof found !== "string") throw invalid(`${where}.platform.${name}`, "is not a text");
    return found;
  };
  return {
    os: text("os") ?? "",
    architecture: text("architecture") ?? "",
    variant: text("variant"),
    osVersion: text("os.version"),
  };
}

/** `linux/arm64/v8`. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform;
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
}
