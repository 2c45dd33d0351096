import { resolve } from "node:path";

/** Where rows are. */
export type DatabaseLocation =
  | { readonly kind: "sqlite"; /** Absolute. */ readonly path: string }
  | { readonly kind: "postgres"; readonly url: string };

/** Where bytes are. */
export type StorageLocation =
  | { readonly kind: "filesystem"; /** Absolute. */ readonly directory: string }
  | {
      readonly kind: "s3";
      readonly bucket: string;
      /** Without slashes at its ends; may be empty. */
      readonly prefix: string;
      /** URL of a server other than Amazon's. */
      readonly endpoint: string | undefined;
      readonly region: string | undefined;
      /** The bucket's name in the path instead of in the host name; undefined leaves it to the driver. */
      readonly pathStyle: boolean | undefined;
    };

/** The path of a file, or a `postgres://` URL. @throws RangeError, TypeError */
export function parseDatabase(value: string): DatabaseLocation {
  if (/^postgres(?:ql)?:\/\//.test(value)) {
    new URL(value);
    return { kind: "postgres", url: value };
  }
  if (value === "" || /^[a-z0-9+]{2,}:\/\//i.test(value)) throw new RangeError("not a database");
  return { kind: "sqlite", path: resolve(value) };
}

const storageOptions = new Set(["endpoint", "region", "pathStyle"]);

/** A directory, or `s3://bucket/prefix` with options. @throws RangeError, TypeError */
export function parseStorage(value: string): StorageLocation {
  if (!value.startsWith("s3://")) {
    if (value === "" || /^[a-z0-9+]{2,}:\/\//i.test(value)) throw new RangeError("not a store");
    return { kind: "filesystem", directory: resolve(value) };
  }
  const url = new URL(value);
  const unknown = [...url.searchParams.keys()].some((name) => !storageOptions.has(name));
  const pathStyle = url.searchParams.get("pathStyle");
  const endpoint = url.searchParams.get("endpoint") ?? undefined;
  if (unknown || url.username !== "" || url.password !== "" || url.host === "" || url.hash !== "") {
    throw new RangeError("not an S3 location");
  }
  if (pathStyle !== null && pathStyle !== "true" && pathStyle !== "false") throw new RangeError("not true or false");
  if (endpoint !== undefined && !/^https?:$/.test(new URL(endpoint).protocol)) throw new RangeError("not an endpoint");
  return {
    kind: "s3",
    bucket: url.host,
    prefix: decodeURIComponent(url.pathname).replaceAll(/^\/+|\/+$/g, ""),
    endpoint,
    region: url.searchParams.get("region") ?? undefined,
    pathStyle: pathStyle === null ? undefined : pathStyle === "true",
  };
}
