import {
  manifestSizeLimit,
  manifestTooLarge,
  parseContentType,
  parseReference,
  parseTag,
  RegistryError,
} from "../../oci/index.ts";
import type { RepositoryName } from "../../oci/index.ts";
import { deleteManifest, deleteTag, pushManifest } from "../../registry/index.ts";
import type { Registry } from "../../registry/index.ts";
import { authorize, watchRights } from "../../access/index.ts";
import { queryOf, readBody, sendEmpty, warningHeaders } from "../http/index.ts";
import type { Exchange } from "../http/index.ts";
import { decodeSegment } from "./route.ts";

const tagParameterLimit = 10;

/** Takes a manifest (end-7a, end-7b). @param strict tags that do not move are refused as Amazon ECR refuses them @throws RegistryError */
export async function putManifest(
  registry: Registry,
  exchange: Exchange,
  name: RepositoryName,
  text: string,
  strict: boolean | undefined,
): Promise<void> {
  const reference = parseReference(decodeSegment(text));
  const header = exchange.request.headers["content-type"];
  const contentType = header === undefined ? undefined : parseContentType(header);
  const asked = queryOf(exchange).getAll("tag");
  if (asked.length > tagParameterLimit) {
    throw new RegistryError(
      "REQUEST_INVALID",
      `a push names at most ${tagParameterLimit} tags: push again by digest for the others`,
    );
  }
  const tags = reference.kind === "tag" ? [reference.tag] : asked.map((tag) => parseTag(tag));
  const rights = watchRights(registry.access, exchange, "push", name);
  // Who may not push is told so before the body is taken, or asked for.
  await authorize(registry.access, exchange, "push", name);
  const bytes = await readBody(exchange, manifestSizeLimit, manifestTooLarge);
  await rights.look();
  const digest = reference.kind === "digest" ? reference.digest : undefined;
  const pushed = await pushManifest(registry, exchange, { repository: name, digest, tags, bytes, contentType, strict });
  const headers = ["Location", `/v2/${name}/manifests/${pushed.digest}`, "Docker-Content-Digest", pushed.digest];
  if (pushed.subject !== undefined) headers.push("OCI-Subject", pushed.subject);
  if (reference.kind === "digest") for (const tag of tags) headers.push("OCI-Tag", tag);
  sendEmpty(exchange.response, 201, [...headers, ...warningHeaders(pushed.warnings)]);
}

/** Deletes a manifest or a tag (end-9). @throws RegistryError */
export async function removeManifest(
  registry: Registry,
  exchange: Exchange,
  name: RepositoryName,
  text: string,
): Promise<void> {
  const reference = parseReference(decodeSegment(text));
  const { warnings } =
    reference.kind === "tag"
      ? await deleteTag(registry, exchange, name, reference.tag)
      : await deleteManifest(registry, exchange, name, reference.digest);
  sendEmpty(exchange.response, 202, warningHeaders(warnings));
}
