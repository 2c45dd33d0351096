import { expect, test } from "vitest";
import type { RegistryError } from "../../oci/index.ts";
import { BodyRoom } from "./body-room.ts";

class Sender {
  refused: RegistryError | undefined;
  cut: ((error: RegistryError) => void) | undefined = (error) => {
    this.refused = error;
    this.cut = undefined;
  };
}

test("while there is room nobody is cut, and who leaves makes room", () => {
  const room = new BodyRoom(100);
  for (let round = 0; round < 5; round++) {
    const sender = new Sender();
    room.enter(sender);
    room.grow(sender, 60);
    room.grow(sender, 40);
    expect([room.used, sender.refused]).toEqual([100, undefined]);
    room.leave(sender);
  }
  expect(room.used).toBe(0);
});

test("when there is no room the oldest is cut, not the one that came last", () => {
  const room = new BodyRoom(100);
  const [slow, quick] = [new Sender(), new Sender()];
  for (const sender of [slow, quick]) room.enter(sender);
  room.grow(slow, 90);
  room.grow(quick, 20);
  expect([slow.refused?.code, quick.refused]).toEqual(["UNAVAILABLE", undefined]);
  room.leave(slow);
  expect(room.used).toBe(20);
});
