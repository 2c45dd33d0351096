import { randomBytes, randomInt } from "node:crypto";
import { digestOf, imageOf, imageType } from "../../support/open-registry.ts";
import { call, ensureBlob, Gone, some } from "../stress-client.ts";
import type { Answer, StressWorld, Work } from "../stress-client.ts";
import { imageKey } from "./ledger.ts";
import { movingWork } from "./moving-client.ts";
import { newMoving } from "./moving.ts";
import type { Change, Keep, KnownImage, Ledger } from "./ledger.ts";

export interface GovernedWorld extends StressWorld {
  readonly ledger: Ledger;
  /** Numbers of undo, as lists showed them, with their repositories. */
  readonly seenUndo: Map<string, number>;
}

const indexType = "application/vnd.oci.image.index.v1+json";
/** Its own images that a client remembers at most. */
const remembered = 60;
/** Tags of each kind in each repository. */
const ownTags = 4;
/** Holds at once. */
const ownHolds = 3;

/** Tags that a client changes; nobody else does. */
export const tagsOf = (client: number): string[] =>
  ["keep", "tmp"].flatMap((kind) => Array.from({ length: ownTags }, (_none, n) => `${kind}-${client}-${n}`));

/** What one client of a governed registry does. It writes everything into the ledger, before it asks and when it is answered. */
export function worksOf(world: GovernedWorld, client: number): readonly Work[] {
  const { ledger } = world;
  const own: KnownImage[] = [];
  const holds: { readonly id: number; readonly image: KnownImage; readonly keeps: readonly Keep[] }[] = [];
  let reported: readonly Keep[] = [];
  const tagFor = (kind: KnownImage["kind"]) => `${kind}-${client}-${randomInt(ownTags)}`;
  const pathOf = ({ repository, digest }: KnownImage) => `/v2/${repository}/manifests/${digest}`;

  /** Asks for a change, and settles what is written down of it by the answer. */
  const change = async (
    written: readonly { readonly list: Change[]; readonly what: string }[],
    ask: () => Promise<Answer>,
    done: number,
  ): Promise<string> => {
    const changes = written.map(({ list, what }) => {
      const one = { what, sure: false };
      list.push(one);
      return { list, one };
    });
    const answer = await ask();
    if (answer.status === 503) return "answered 503";
    for (const { list, one } of changes) {
      if (answer.status === done) one.sure = true;
      else list.splice(list.lastIndexOf(one), 1);
    }
    return answer.status === done ? "done" : explain(world, answer);
  };
  const changesOf = (repository: string, tag: string) => ledger.changesOf(`${repository}:${tag}`);
  const put = (image: KnownImage, tag: string) =>
    change(
      [
        { list: changesOf(image.repository, tag), what: `to ${image.digest}` },
        { list: image.pushes, what: "pushed" },
      ],
      () => call(world, "PUT", `/v2/${image.repository}/manifests/${tag}`, image.text, image.mediaType ?? imageType),
      201,
    );
  /** Without a tag, by its digest. */
  const putPart = (image: KnownImage) =>
    change(
      [{ list: image.pushes, what: "pushed" }],
      () => call(world, "PUT", pathOf(image), image.text, imageType),
      201,
    );

  async function makeImage(of: Pick<KnownImage, "repository" | "kind">, more: object = {}): Promise<KnownImage> {
    const layers = [...new Set(Array.from({ length: 1 + randomInt(3) }, () => some(world.layers)))];
    const text = imageOf(layers, { annotations: { nonce: randomBytes(12).toString("hex") }, ...more });
    for (const layer of layers) await ensureBlob(world, of.repository, layer);
    return know({ ...of, digest: digestOf(Buffer.from(text)), text, layers, signatures: [], pushes: [], deletes: [] });
  }

  const know = (image: KnownImage): KnownImage => {
    ledger.images.set(imageKey(image), image);
    return image;
  };

  const remember = (image: KnownImage) => {
    if (own.push(image) > remembered) own.shift();
  };

  async function push(): Promise<string> {
    const kind = some(["keep", "tmp"] as const);
    const image = await makeImage({ repository: some(world.repositories), kind });
    remember(image);
    return put(image, tagFor(kind));
  }

  /** One image of several platforms. */
  async function pushIndex(): Promise<string> {
    const of = { repository: some(world.repositories), kind: some(["keep", "tmp"] as const) };
    const children: KnownImage[] = [];
    for (let count = 0; count < 2; count++) {
      const child = await makeImage(of);
      const outcome = await putPart(child);
      if (outcome !== "done") return `of a platform: ${outcome}`;
      children.push(child);
    }
    const manifests = children.map(({ digest, text }, index) => ({
      ...{ mediaType: imageType, digest, size: Buffer.byteLength(text) },
      platform: { os: "linux", architecture: ["amd64", "arm64"][index] },
    }));
    const text = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests });
    const digest = digestOf(Buffer.from(text));
    const index = { ...of, digest, text, layers: [], mediaType: indexType, children, signatures: [] };
    const image = know({ ...index, pushes: [], deletes: [] });
    remember(image);
    return put(image, tagFor(of.kind));
  }

  async function sign(): Promise<string | undefined> {
    if (own.length === 0) return undefined;
    const image = some(own);
    const { digest, text, mediaType = imageType, repository, kind } = image;
    const subject = { mediaType, digest, size: Buffer.byteLength(text) };
    const signature = await makeImage(
      { repository, kind },
      { subject, artifactType: "application/vnd.stress.signature" },
    );
    const outcome = await putPart(signature);
    if (outcome === "done") image.signatures!.push(signature);
    return outcome;
  }

  /** Promises for an image count for its platforms and signatures, as far as they are there when it was made. */
  async function keepFamily(image: KnownImage, keep: Omit<Keep, "image" | "from">): Promise<Keep[]> {
    const family = [...(image.children ?? []), ...(image.signatures ?? [])];
    const keeps: Keep[] = [];
    for (const one of family) {
      const { status } = await call(world, "HEAD", pathOf(one));
      if (status === 200) keeps.push({ image: imageKey(one), from: Date.now(), ...keep });
    }
    ledger.keeps.push(...keeps);
    return keeps;
  }

  async function retag(): Promise<string | undefined> {
    if (own.length === 0) return undefined;
    const image = some(own);
    const tag = tagFor(image.kind);
    // Else nobody knows whether it moves at all.
    if (ledger.wasAt(`${image.repository}:${tag}`, image.digest)) return undefined;
    return put(image, tag);
  }

  function removeTag(): Promise<string> {
    const [repository, tag] = [some(world.repositories), some(tagsOf(client))];
    const path = `/v2/${repository}/manifests/${tag}`;
    const written = [{ list: changesOf(repository, tag), what: "deleted" }];
    return change(written, () => call(world, "DELETE", path), 202);
  }

  async function removeImage(): Promise<string | undefined> {
    if (own.length === 0) return undefined;
    const image = some(own);
    const kept = keptOf(ledger, image);
    const written = [{ list: image.deletes, what: "deleted" }];
    const outcome = await change(written, () => call(world, "DELETE", pathOf(image)), 202);
    const still = kept.filter((keep) => keep.until > Date.now());
    if (outcome === "done" && still.length > 0) world.violations.push(`${imageKey(image)} went while ${still[0]!.why}`);
    return outcome;
  }

  /** Whatever is promised to stay is there, and is refused. */
  async function removeKept(): Promise<string | undefined> {
    const kept = own.filter((image) => keptOf(ledger, image).length > 0);
    if (kept.length === 0) return undefined;
    const image = some(kept);
    const keeps = keptOf(ledger, image);
    const { status, bytes } = await call(world, "DELETE", pathOf(image));
    const still = keeps.filter((keep) => keep.until > Date.now());
    if (status === 503 || still.length === 0) return "answered late";
    if (status !== 403)
      world.violations.push(`DELETE of ${imageKey(image)}, ${still[0]!.why}: ${status} ${bytes.toString()}`);
    return `refused: ${still[0]!.why}`;
  }

  async function report(): Promise<string | undefined> {
    if (own.length === 0) return undefined;
    const images = [...new Set(Array.from({ length: 3 }, () => some(own)))];
    const uses = images.map(({ digest, repository }) => ({ digest, repository, workload: `prod/client-${client}` }));
    for (const keep of reported) keep.until = Date.now();
    reported = [];
    const path = `/api/v1/namespaces/stress/-/usage/client-${client}`;
    const until = Date.now() + 600_000;
    const answer = await call(world, "PUT", path, JSON.stringify({ expiresIn: 600, uses }), "application/json");
    if (answer.status !== 200) return explain(world, answer);
    const keeps: Keep[] = [];
    for (const image of images) {
      const { status } = await call(world, "HEAD", pathOf(image));
      // What was gone already nobody promised to keep.
      if (status === 200) keeps.push({ image: imageKey(image), why: "in use", from: Date.now(), until });
    }
    ledger.keeps.push(...keeps);
    reported = keeps;
    const kept = new Set(keeps.map((keep) => keep.image));
    for (const image of images) {
      if (kept.has(imageKey(image))) keeps.push(...(await keepFamily(image, { why: "in use", until })));
    }
    return "done";
  }

  async function hold(): Promise<string | undefined> {
    if (own.length === 0) return undefined;
    if (holds.length === ownHolds || (holds.length > 0 && randomInt(2) === 0)) {
      const { id, image, keeps } = holds.shift()!;
      for (const keep of keeps) keep.until = Date.now();
      const path = `/api/v1/repositories/${image.repository}/-/holds/${id}/release`;
      const answer = await call(world, "POST", path, JSON.stringify({ reason: "over" }), "application/json");
      return answer.status === 204 ? "released" : explain(world, answer);
    }
    const image = some(own);
    const path = `/api/v1/repositories/${image.repository}/-/holds`;
    const body = JSON.stringify({ digest: image.digest, reason: "case 12" });
    const answer = await call(world, "POST", path, body, "application/json");
    if (answer.status !== 201) return explain(world, answer);
    const keep: Keep = { image: imageKey(image), why: "held", from: Date.now(), until: Infinity };
    ledger.keeps.push(keep);
    const keeps = [keep];
    holds.push({ id: (JSON.parse(answer.bytes.toString()) as { id: number }).id, image, keeps });
    const { status } = await call(world, "HEAD", pathOf(image));
    if (status === 404) world.violations.push(`${imageKey(image)} is held and not there`);
    keeps.push(...(await keepFamily(image, { why: "held", until: Infinity })));
    return "set";
  }

  async function undo(): Promise<string | undefined> {
    const repository = some(world.repositories);
    const listed = await call(world, "GET", `/api/v1/repositories/${repository}/-/undo?limit=100`);
    if (listed.status !== 200) return explain(world, listed);
    const { items } = JSON.parse(listed.bytes.toString()) as { items: readonly Undoable[] };
    for (const { id, until } of items) world.seenUndo.set(`${repository}#${id}`, Date.parse(until));
    const mine = items.filter(({ kind, target }) =>
      kind === "tag"
        ? target.includes(`-${client}-`)
        : own.some((image) => image.digest === target && image.repository === repository),
    );
    if (mine.length === 0) return undefined;
    const { id, kind, target, digest, tags } = some(mine);
    const name = `${repository}#${id}`;
    const undone = { what: "undone", sure: false };
    ledger.undone.set(name, undone);
    // Which of them come back is the server's to say: the events before and after them tell whether that can be.
    for (const tag of kind === "tag" ? [target] : tags)
      changesOf(repository, tag).push({ what: `to ${digest}`, sure: false });
    const answer = await call(
      world,
      "POST",
      `/api/v1/repositories/${repository}/-/undo/${id}`,
      "{}",
      "application/json",
    );
    if (answer.status === 503) return "answered 503";
    if (answer.status === 200) {
      undone.sure = true;
      return "done";
    }
    ledger.undone.delete(name);
    return explain(world, answer);
  }

  async function runLifecycle(): Promise<string | undefined> {
    if (randomInt(3) !== 0) return undefined;
    const path = `/api/v1/repositories/${some(world.repositories)}/-/lifecycle/runs`;
    const answer = await call(world, "POST", path, "{}", "application/json");
    if (answer.status !== 202) return explain(world, answer);
    ledger.runs.add((JSON.parse(answer.bytes.toString()) as { run: number }).run);
    return "begun";
  }

  const moving = newMoving(client);
  ledger.moved.push(moving);
  const move = movingWork(world, moving);
  return [
    push,
    push,
    push,
    push,
    pushIndex,
    sign,
    move,
    retag,
    removeTag,
    removeImage,
    removeKept,
    report,
    hold,
    undo,
    runLifecycle,
  ];
}

interface Undoable {
  readonly id: number;
  readonly kind: string;
  readonly target: string;
  readonly digest: string | null;
  readonly tags: readonly string[];
  readonly until: string;
}

/** What of an image's promises holds now. */
function keptOf({ keeps }: Ledger, image: KnownImage): Keep[] {
  const name = imageKey(image);
  const now = Date.now();
  return keeps.filter((keep) => keep.image === name && keep.from <= now && keep.until > now);
}

/** Why nothing was done, in a word. */
function explain(world: StressWorld, { status, bytes }: Answer): string {
  const text = bytes.toString();
  if (status === 404) return "something is not there";
  if (status === 409) return "something is in the way";
  if (status === 503) throw new Gone("nobody knows");
  if (status === 403 && /the quota of/.test(text)) return "refused: quota";
  if (status === 403 && /is held/.test(text)) return "refused: held";
  if (status === 403 && / runs /.test(text)) return "refused: in use";
  world.violations.push(`an answer that nobody expected: ${status} ${text}`);
  return `answered ${status}`;
}
