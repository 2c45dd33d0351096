import { readUsage } from "../../metadata/index.ts";
import type { RegistryError } from "../../oci/index.ts";
import { describeRefusal, judgeQuota } from "../../policy/index.ts";
import type { Limits, Usage } from "../../policy/index.ts";
import type { Body } from "../hold-upload.ts";
import type { Registry } from "../registry.ts";
import { readQuotas } from "./find-quotas.ts";
import { quotaError } from "./refuse-quota.ts";

/*
 * Looks at quotas before bytes are taken, so that nobody sends in vain what the commit would refuse. What is found here may be a
 * second old; the commit decides.
 */

/** A namespace with a quota, and what it uses. */
interface Place {
  readonly path: string;
  readonly limits: Limits;
  readonly usage: Usage;
  /** Bytes of its largest blob, 1 MiB at least: more bytes than that are no blob that it has already. */
  readonly largest: number;
}

/** What a repository may still be given. */
export interface Room {
  /** Where more is used than may be, nothing is begun. @throws RegistryError DENIED */
  refuseOver(): void;
  /** No blob of so many bytes, which is not there yet, would be taken. @throws RegistryError DENIED */
  refuseBytes(bytes: number): void;
  /** No repository more. @throws RegistryError DENIED */
  refuseRepository(): void;
}

interface Kept {
  readonly until: number;
  readonly room: Room | undefined;
}

/** What a process knows of the namespaces right above repositories. */
interface Looks {
  readonly known: Map<string, Kept>;
  /** Under way: of many requests that come at once one looks, and the others wait for what it finds. */
  readonly underWay: Map<string, Promise<Room | undefined>>;
}

/** What was found is good for this long where no limit is near, in milliseconds. */
const goodFor = 1_000;
/** Namespaces that are remembered at most. */
const keptLimit = 10_000;
const looks = new WeakMap<Registry, Looks>();

/** The room for a repository of this name; undefined where no quota holds. */
export async function findRoom(registry: Registry, name: string): Promise<Room | undefined> {
  let of = looks.get(registry);
  if (of === undefined) looks.set(registry, (of = { known: new Map(), underWay: new Map() }));
  const { known, underWay } = of;
  const parent = name.slice(0, Math.max(0, name.lastIndexOf("/")));
  const found = known.get(parent);
  if (found !== undefined && found.until > performance.now()) return found.room;
  let look = underWay.get(parent);
  if (look === undefined) {
    look = lookFor(registry, name, parent, known).finally(() => underWay.delete(parent));
    underWay.set(parent, look);
  }
  return look;
}

async function lookFor(
  registry: Registry,
  name: string,
  parent: string,
  known: Map<string, Kept>,
): Promise<Room | undefined> {
  const now = performance.now();
  const places = (await readPlaces(registry, name)).toSorted((a, b) => b.path.length - a.path.length);
  const room = places.length === 0 ? undefined : roomOf(places);
  if (known.size >= keptLimit) known.clear();
  known.set(parent, { until: places.some(isNarrow) ? 0 : now + goodFor, room });
  return room;
}

async function readPlaces({ metadata: { read } }: Registry, name: string): Promise<readonly Place[]> {
  const counted = await readQuotas(read, name);
  if (counted.length === 0) return [];
  const rows = await read.all(readUsage, { namespaces: counted.map(({ id }) => id) });
  return rows.flatMap(({ namespace_id: namespace, storage, images, repositories, largest }) => {
    const { path, limits } = counted.find(({ id }) => id === namespace)!;
    const usage = { storage: Number(storage), images: Number(images), repositories: Number(repositories) };
    return [{ path, limits, usage, largest: Number(largest ?? 1024 * 1024) }];
  });
}

/** More than nine tenths are used. */
function isNarrow({ limits: { storage, repositories }, usage }: Place): boolean {
  return (
    (storage !== null && usage.storage > 0.9 * storage) ||
    (repositories !== null && usage.repositories > 0.9 * repositories)
  );
}

function roomOf(places: readonly Place[]): Room {
  const judge = (adding: Partial<Usage>, applies: (place: Place) => boolean) => {
    const refusal = places.filter(applies).reduce<RegistryError | undefined>((found, place) => {
      return found ?? judgeOne(place, { storage: 0, images: 0, repositories: 0, ...adding });
    }, undefined);
    if (refusal !== undefined) throw refusal;
  };
  return {
    refuseOver() {
      for (const { path, limits, usage } of places) {
        const [limit, used] = [limits.storage, usage.storage];
        if (limit === null || used <= limit) continue;
        const sentence = describeRefusal(path, "storage", limit, used, 0);
        throw quotaError(path, { resource: "storage", limit, used, adding: 0, sentence });
      }
    },
    refuseBytes: (bytes) => judge({ storage: bytes }, ({ largest }) => bytes > largest),
    refuseRepository: () => judge({ repositories: 1 }, () => true),
  };
}

function judgeOne({ path, limits, usage }: Place, growth: Usage): RegistryError | undefined {
  const after = {
    storage: usage.storage + growth.storage,
    images: usage.images + growth.images,
    repositories: usage.repositories + growth.repositories,
  };
  const refusal = judgeQuota(path, limits, after, growth);
  return refusal === undefined ? undefined : quotaError(path, refusal);
}

/**
 * A body for as long as quotas have room for it; not begun where it says that it is too long.
 * @param size bytes of the upload that came before
 * @throws RegistryError DENIED
 */
export async function fit(registry: Registry, name: string, size: number, body: Body): Promise<Body> {
  const room = await findRoom(registry, name);
  if (room === undefined) return body;
  room.refuseBytes(size + (body.stated ?? 0));
  let passed = size;
  return async (take) => {
    await body((chunk) => {
      passed += chunk.length;
      room.refuseBytes(passed);
      return take(chunk);
    });
  };
}
