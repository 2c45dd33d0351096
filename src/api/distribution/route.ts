import { RegistryError } from "../../oci/index.ts";

/** Where a path leads. Segments are as they were sent, not decoded. */
export type Route =
  | { readonly kind: "base" }
  | { readonly kind: "catalog" }
  | { readonly kind: "manifest"; readonly name: string; readonly reference: string }
  | { readonly kind: "blob"; readonly name: string; readonly digest: string }
  | { readonly kind: "uploads"; readonly name: string }
  | { readonly kind: "upload"; readonly name: string; readonly id: string }
  | { readonly kind: "tags"; readonly name: string }
  | { readonly kind: "referrers"; readonly name: string; readonly digest: string };

/**
 * Matches a path below `/v2/` from its right end, because repository names contain slashes (end-1 … end-14).
 * Undefined when no endpoint has this form.
 */
export function matchRoute(path: string): Route | undefined {
  if (path === "/v2/" || path === "/v2") return { kind: "base" };
  if (!path.startsWith("/v2/")) return undefined;
  if (path === "/v2/_catalog") return { kind: "catalog" };
  const last = path.lastIndexOf("/");
  const tail = path.slice(last + 1);
  const before = path.lastIndexOf("/", last - 1);
  if (before < 4) return undefined;
  const word = path.slice(before + 1, last);
  const name = path.slice(4, before);
  switch (word) {
    case "manifests":
      return { kind: "manifest", name, reference: tail };
    case "referrers":
      return { kind: "referrers", name, digest: tail };
    case "tags":
      return tail === "list" ? { kind: "tags", name } : undefined;
    case "uploads":
      if (!name.endsWith("/blobs")) return undefined;
      return tail === ""
        ? { kind: "uploads", name: name.slice(0, -6) }
        : { kind: "upload", name: name.slice(0, -6), id: tail };
    case "blobs":
      return tail === "uploads" ? { kind: "uploads", name } : { kind: "blob", name, digest: tail };
    default:
      return undefined;
  }
}

/** Decodes a segment that may carry an encoded colon. @throws RegistryError REQUEST_INVALID */
export function decodeSegment(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new RegistryError("REQUEST_INVALID", "the path has a percent sign that encodes nothing: encode it as %25");
  }
}
