import { expect, test } from "vitest";
import type { TestContext } from "vitest";
import type { IdentityProvider } from "../identity-provider.ts";

/**
 * What every identity provider promises. It knows `alice` (alice-password; groups dev and ops) and `bob` (bob-password;
 * group dev).
 */
export function testProvider(open: (context: TestContext) => Promise<IdentityProvider>): void {
  test("who gives the right password is known, with name, address and groups", async (context) => {
    const provider = await open(context);
    const alice = await provider.authenticate("alice", "alice-password");
    expect(alice).toMatchObject({ name: "alice", display: "alice Example", email: "alice@example.com" });
    expect(alice!.groups.map(({ name }) => name).toSorted()).toEqual(["dev", "ops"]);
    const bob = await provider.find("bob");
    expect(bob!.groups.map(({ name }) => name)).toEqual(["dev"]);
    expect(bob!.externalId).not.toBe(alice!.externalId);
  });

  test("the same person has the same id each time", async (context) => {
    const provider = await open(context);
    const first = await provider.authenticate("alice", "alice-password");
    expect((await provider.find("alice"))?.externalId).toBe(first!.externalId);
  });

  test("a wrong, an empty and another's password, and no such name, are nobody", async (context) => {
    const provider = await open(context);
    const tries = [
      ["alice", "wrong"],
      ["alice", ""],
      ["alice", "bob-password"],
      ["nobody", "alice-password"],
      ["nobody", ""],
      ["", ""],
      ["", "alice-password"],
    ] as const;
    for (const [name, password] of tries) {
      expect(await provider.authenticate(name, password), `${name}:${password}`).toBeUndefined();
    }
  });

  test("what looks like a part of a query is a name that nobody has", async (context) => {
    const provider = await open(context);
    const names = [
      "*",
      "a*",
      "alice)",
      "alice)(uid=*",
      "*)(uid=*))(|(uid=*",
      "alice)(|(objectClass=*)",
      "*)(|(mail=*",
      "alice\0",
      "alice\\00",
      "\\2a",
      "alice)(!(&(1=0",
      "uid=alice",
      "uid=alice,ou=people,dc=example,dc=com",
      "alice,dc=com",
      "alice\n",
      " alice,",
      "()",
      "(",
      ")",
      "\\",
      "é".repeat(200),
      "x".repeat(100_000),
    ];
    for (const name of names) {
      expect(await provider.authenticate(name, "alice-password"), name.slice(0, 50)).toBeUndefined();
      expect(await provider.find(name), name.slice(0, 50)).toBeUndefined();
    }
  });
}
