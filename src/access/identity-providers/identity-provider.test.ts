import { describe, expect, test } from "vitest";
import { mapGroups, parseGroupMapping } from "./map-groups.ts";
import { KnownPeople } from "./testing/known-people.ts";
import { testProvider } from "./testing/provider-kit.ts";

const groupsOf = (...names: string[]) => names.map((name) => ({ name, mapped: false }));

describe("people in memory", () => {
  testProvider(() => {
    const provider = new KnownPeople();
    for (const [name, groups] of [
      ["alice", groupsOf("dev", "ops")],
      ["bob", groupsOf("dev")],
    ] as const) {
      const identity = {
        externalId: `id-${name}`,
        name,
        display: `${name} Example`,
        email: `${name}@example.com`,
        groups,
      };
      provider.people.set(name, { identity, password: `${name}-password` });
    }
    return Promise.resolve(provider);
  });
});

test("groups keep their short names where nothing is mapped, if those can be ours", () => {
  const theirs = [["cn=Dev,ou=groups,dc=example", "Dev"], ["cn=Domain Users,dc=example", "Domain Users"], ["x"]];
  expect(mapGroups(parseGroupMapping([]), theirs)).toEqual(groupsOf("dev", "x"));
});

test("a mapping names groups by whole or short name, and leaves out what it does not name", () => {
  const mapping = parseGroupMapping(["CN=Dev,ou=groups,dc=example => team-dev", "ops => admins"]);
  const theirs = [
    ["cn=dev,ou=groups,dc=example", "dev"],
    ["cn=ops,ou=other,dc=example", "ops"],
    ["cn=hr,dc=example", "hr"],
  ];
  expect(mapGroups(mapping, theirs)).toEqual([
    { name: "team-dev", mapped: true },
    { name: "admins", mapped: true },
  ]);
});

test.each(["dev", "dev =>", "=> dev", "a => b => c", "dev => Team Dev"])(
  "a mapping that cannot be read is refused: %s",
  (line) => {
    expect(() => parseGroupMapping([line])).toThrow(/is not of the form/);
  },
);
