import {
  endUndoEarly,
  findInstallation,
  giveUpUndoParts,
  insertEvent,
  listUndoInUse,
  listUndoNeeding,
  lockInstallation,
  putInstallation,
  recordChange,
} from "../../metadata/index.ts";
import type { Attribution, Reader, Transaction } from "../../metadata/index.ts";

/** Who is named in audit rows. */
const by = {
  principal: "system:space",
  credential: null,
  address: null,
  request: null,
  reason: null,
} satisfies Attribution;

/** The setting for which it is done. */
const setting = "undo.spaceFloor";

/** Rows of the installation: who makes room, what was given up, what came of the last look. */
const claimName = "room-claim";
const givenUpName = "room-given-up";
const lookName = "room-look";

/** Nobody is at it. */
const nobody = "";

interface Claim {
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly until: number;
}

async function lockClaim(tx: Transaction): Promise<Claim | undefined> {
  const text = (await tx.first(lockInstallation, { name: claimName }))?.value;
  return text === undefined ? undefined : (JSON.parse(text) as Claim);
}

/** Lets one process make room, or go on with it. @param input `lease` in milliseconds; `asked` does not wait until a long count was long ago */
export async function claimRoom(
  tx: Transaction,
  { token, lease, asked }: { readonly token: string; readonly lease: number; readonly asked: boolean },
): Promise<boolean> {
  const claim = await lockClaim(tx);
  // Further ahead than any lease or rest lasts: the clock was set back.
  const ahead = claim !== undefined && claim.until > tx.now && claim.until < tx.now + 3_600_000;
  if (ahead && claim.token !== token && !(asked && claim.token === nobody)) return false;
  await tx.run(putInstallation, { name: claimName, value: JSON.stringify({ token, until: tx.now + lease }) });
  return true;
}

/** Ends that. @param input `rest`: nobody begins anew before; milliseconds */
export async function leaveRoom(
  tx: Transaction,
  { token, rest }: { readonly token: string; readonly rest: number },
): Promise<void> {
  if ((await lockClaim(tx))?.token !== token) return;
  await tx.run(putInstallation, { name: claimName, value: JSON.stringify({ token: nobody, until: tx.now + rest }) });
}

/** What was given up until now. */
export interface GivenUpForRoom {
  readonly count: number;
  readonly bytes: number;
  /** When the last was, milliseconds since 1970. */
  readonly at: number;
}

/** What came of the last look at a disk with too little room; bytes, and milliseconds since 1970. */
export interface RoomLook {
  readonly at: number;
  readonly leaving: number;
  readonly missing: number;
}

/** Keeps what a look came to. */
export async function noteRoom(tx: Transaction, look: Omit<RoomLook, "at">): Promise<void> {
  await tx.run(putInstallation, { name: lookName, value: JSON.stringify({ at: tx.now, ...look }) });
}

/** Both; undefined for what never was. */
export async function findRoom(
  read: Reader,
): Promise<{ readonly givenUp: GivenUpForRoom | undefined; readonly look: RoomLook | undefined }> {
  const find = async <T>(name: string) => {
    const text = (await read.first(findInstallation, { name }))?.value;
    return text === undefined ? undefined : (JSON.parse(text) as T);
  };
  return { givenUp: await find<GivenUpForRoom>(givenUpName), look: await find<RoomLook>(lookName) };
}

export interface GiveUpForRoomInput {
  readonly token: string;
  /** How long the claim lasts from now, in milliseconds. */
  readonly lease: number;
  /** Deletes of images and repositories. */
  readonly undos: readonly number[];
  /** What comes free by them. */
  readonly bytes: number;
}

/**
 * Lets deletes end now, and what can be undone no more without them, since the disk has too little room. What is held by now or runs stays.
 * @returns how many were given up; undefined where another process makes room by now
 */
export async function giveUpForRoom(
  tx: Transaction,
  input: GiveUpForRoomInput,
): Promise<{ readonly count: number | undefined }> {
  const { token, lease, undos, bytes } = input;
  if ((await lockClaim(tx))?.token !== token) return { count: undefined };
  await tx.run(putInstallation, { name: claimName, value: JSON.stringify({ token, until: tx.now + lease }) });
  const inUse = new Set((await tx.all(listUndoInUse, { undos, now: tx.now })).map(({ id }) => id));
  const gone = await endAll(
    tx,
    undos.filter((undo) => !inUse.has(undo)),
  );
  if (gone.length === 0) return { count: 0 };
  const places = new Map<string, number>();
  for (const { id: entry, kind, target, digest, name } of gone) {
    const facts = { entry, kind, digest, setting };
    await recordChange(tx, by, { action: "give-up-undo", repository: name, target, facts });
    const place = name.slice(0, Math.max(0, name.lastIndexOf("/")));
    places.set(place, (places.get(place) ?? 0) + 1);
  }
  for (const [namespace, givenUp] of places) {
    // How much room the server has is told to its operator, not to whom a namespace belongs.
    const told = { quota: "space", threshold: 100, givenUp };
    const payload = JSON.stringify({ target: namespace === "" ? "/" : namespace, principal: null, ...told });
    await tx.run(insertEvent, { type: "quota.warned", repository: "", namespace, payload, now: tx.now });
  }
  const before = (await tx.first(lockInstallation, { name: givenUpName }))?.value;
  const sum = before === undefined ? { count: 0, bytes: 0 } : (JSON.parse(before) as GivenUpForRoom);
  const after = { count: sum.count + gone.length, bytes: sum.bytes + bytes, at: tx.now } satisfies GivenUpForRoom;
  await tx.run(putInstallation, { name: givenUpName, value: JSON.stringify(after) });
  return { count: gone.length };
}

/** Each with its tags, and with what needs it where nothing else brings it back. */
async function endAll(tx: Transaction, undos: readonly number[]) {
  const all = [];
  for (let some = undos; some.length > 0;) {
    const gone = await tx.all(endUndoEarly, { undos: some, now: tx.now });
    all.push(...gone);
    await tx.run(giveUpUndoParts, { undos: gone.map(({ id }) => id), now: tx.now });
    const needing = new Set<number>();
    for (const { kind, digest, repository } of gone) {
      if (kind !== "manifest" || digest === null) continue;
      for (const { id } of await tx.all(listUndoNeeding, { repository, digest, now: tx.now })) needing.add(id);
    }
    some = [...needing];
  }
  return all;
}
