import { randomBytes, randomInt } from "node:crypto";
import { digestOf, imageOf, imageType } from "../../support/open-registry.ts";
import { call, ensureBlob, Gone, some } from "../stress-client.ts";
import type { StressWorld, Work } from "../stress-client.ts";
import type { Told } from "./judge-told.ts";
import type { Moving } from "./moving.ts";

/** Images that such a repository has at most. */
const most = 4;

/** Pushes to the repository, or renames it and looks whether all of it came along. */
export function movingWork(world: StressWorld, moving: Moving): Work {
  const tagPath = (name: string, tag: string) => `/v2/${name}/manifests/${tag}`;

  /** After a killed server: which of the names it has. */
  async function locate(): Promise<0 | 1> {
    if (moving.at !== undefined) return moving.at;
    for (const at of [0, 1] as const) {
      const { status } = await call(world, "GET", `/v2/${moving.names[at]}/tags/list`);
      if (status === 503) throw new Gone("nobody knows");
      if (status === 200) return (moving.at = at);
    }
    world.violations.push(`${moving.names.join(" and ")} are both not there`);
    throw new Gone("it is lost");
  }

  async function fill(name: string): Promise<string> {
    const layers = [some(world.layers)];
    for (const layer of layers) await ensureBlob(world, name, layer);
    const text = imageOf(layers, { annotations: { nonce: randomBytes(12).toString("hex") } });
    const tag = `moved-${moving.images.size}`;
    const image = { text, layers, sure: false };
    moving.images.set(tag, image);
    const { status, bytes } = await call(world, "PUT", tagPath(name, tag), text, imageType);
    if (status === 503) throw new Gone("nobody knows");
    image.sure = status === 201;
    if (image.sure) return "filled";
    moving.images.delete(tag);
    const isExpected = status === 404 || (status === 403 && bytes.toString().includes("the quota of"));
    if (!isExpected) world.violations.push(`push to ${name}: ${status} ${bytes.toString()}`);
    return "no room, or a blob went meanwhile";
  }

  return async function move(): Promise<string> {
    const at = await locate();
    const name = moving.names[at];
    const sure = [...moving.images].filter(([, image]) => image.sure);
    if (sure.length === 0 || (moving.images.size < most && randomInt(2) === 0)) return fill(name);
    const other = at === 0 ? 1 : 0;
    const to = moving.names[other];
    moving.renames[other].all++;
    moving.at = undefined;
    const path = `/api/v1/repositories/${name}/-/rename`;
    const { status, bytes } = await call(world, "POST", path, JSON.stringify({ to }), "application/json");
    if (status === 503) throw new Gone("nobody knows");
    if (status !== 200) {
      world.violations.push(`${name} was not renamed to ${to}: ${status} ${bytes.toString()}`);
      return "refused";
    }
    moving.renames[other].sure++;
    moving.at = other;
    const [tag, { text }] = some(sure);
    const there = await call(world, "GET", tagPath(to, tag));
    if (there.status !== 503 && there.bytes.toString() !== text) {
      world.violations.push(`${to}:${tag} did not come along: ${there.status} ${there.bytes.toString()}`);
    }
    const former = await call(world, "GET", tagPath(name, tag));
    if (former.status !== 503 && former.status !== 404) {
      world.violations.push(`${name}:${tag} is there still: ${former.status}`);
    }
    return "renamed";
  };
}

/** What is there of such a repository in the end, and what was told of its renames. @param url of a server that runs */
export async function judgeMoved(url: string, movings: readonly Moving[], told: readonly Told[]): Promise<string[]> {
  const faults: string[] = [];
  for (const { names, images, renames } of movings) {
    const lists = await Promise.all(names.map((name) => fetch(`${url}/v2/${name}/tags/list`)));
    const found = names.filter((_name, index) => lists[index]!.status === 200);
    if (found.length > 1) faults.push(`${found.join(" and ")} are one repository, and both there`);
    for (const [tag, { text, layers, sure }] of images) {
      if (!sure) continue;
      const name = found[0] ?? names[0];
      const got = await fetch(`${url}/v2/${name}/manifests/${tag}`);
      if ((await got.text()) !== text) faults.push(`${name}:${tag} is not what was pushed: ${got.status}`);
      for (const layer of layers) {
        const blob = await fetch(`${url}/v2/${name}/blobs/${digestOf(Buffer.from(layer))}`);
        if ((await blob.text()) !== layer) faults.push(`${name}:${tag} has not all its bytes: ${blob.status}`);
      }
    }
    for (const [at, { sure, all }] of renames.entries()) {
      const [from, to] = [names[1 - at], names[at]];
      const counts = [
        told.filter(({ type, data }) => type === "repository.deleted" && data.repository === from && data["to"] === to),
        told.filter(
          ({ type, data }) => type === "repository.created" && data.repository === to && data["from"] === from,
        ),
      ].map((events) => events.length);
      if (counts.some((count) => count < sure || count > all || count !== counts[0])) {
        faults.push(`${from} was renamed to ${to} ${sure} to ${all} times, told ${counts.join(" and ")} times`);
      }
    }
  }
  return faults;
}
