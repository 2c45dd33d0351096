import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ask, outcomeOf, withoutNames } from "../support/permissions/ask.ts";
import type { RawAnswer } from "../support/permissions/ask.ts";
import { fillRows } from "../support/permissions/cast.ts";
import type { Player } from "../support/permissions/cast.ts";
import { expectedOutcome, expectedToken } from "../support/permissions/expected.ts";
import {
  distributionRows,
  findMissingRows,
  image,
  loginRows,
  managementRows,
  meaninglessProbes,
  repositories,
} from "../support/permissions/rows.ts";
import type { Row } from "../support/permissions/rows.ts";
import { expectGolden } from "../support/golden.ts";
import { adminPassword, basicHeader, startGuardedServer } from "../support/management-client.ts";
import { types, WireClient } from "../support/wire-client.ts";

/*
 * The permission matrix: every route × everybody × every place, as real requests. What must come out is said twice: by rules
 * (tests/support/permissions/expected.ts), and cell by cell in tests/golden/permissions.txt, which `npm run golden` renews.
 */

const data = await mkdtemp(join(tmpdir(), "berth-permissions-"));
const players = await fillRows(data);
const guarded = await startGuardedServer({ data });
const { url } = guarded.server;
afterAll(async () => {
  await guarded.close();
  await rm(data, { recursive: true, force: true });
});

const admin = basicHeader("admin", adminPassword);
const rows = [...distributionRows(), ...managementRows(), ...loginRows()];

/** Images where there are some, and the names of what others ask about. */
async function pushImages(): Promise<void> {
  const client = new WireClient(
    () => url,
    (input, init) => fetch(input, { ...init, headers: { ...(init?.headers as object), authorization: admin } }),
  );
  for (const name of repositories.filter((one) => one.endsWith("/app"))) {
    await client.pushBlob(name, "{}", types.config);
    await client.pushBlob(name, "layer");
    expect((await client.putManifest(name, "v1", image)).status).toBe(201);
    const child = {
      mediaType: types.manifest,
      digest: (await client.get(`/v2/${name}/manifests/v1`)).headers.get("docker-content-digest")!,
      size: image.length,
    };
    const index = JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests: [child] });
    expect((await client.putManifest(name, "all", index, types.index)).status).toBe(201);
  }
}

const tokens = new Map<string, Promise<string>>();

/** The header of somebody who asks at the place; registry tokens are fetched once for each repository. */
async function headerOf({ header, token, tokenFor }: Player, place: string): Promise<string | undefined> {
  if (token === undefined) return header;
  const path = `/token?scope=repository:${tokenFor ?? (place || "mine/app")}:${token.join(",")}`;
  const key = `${header} ${path}`;
  const found = tokens.get(key) ?? ask(url, { method: "GET", path }, header).then(({ body }) => tokenIn(body).token);
  tokens.set(key, found);
  return `Bearer ${await found}`;
}

function tokenIn(body: string): { readonly token: string } {
  return JSON.parse(body) as { token: string };
}

/** Answers of everybody on a line. */
async function askAll(row: Row, place: string): Promise<RawAnswer[]> {
  return Promise.all(
    players.map(async (player) => ask(url, row.probe(place), await headerOf(player, repositoryOf(row, place)))),
  );
}

function repositoryOf({ places }: Row, place: string): string {
  return places === repositories ? place : "mine/app";
}

interface Line {
  readonly row: Row;
  readonly place: string;
  readonly answers: readonly RawAnswer[];
}

const lines: Line[] = [];

test("every route has a row that says what it takes (threat 47)", () => {
  expect(findMissingRows()).toEqual([]);
});

test("every route answers everybody, at every place, as the rules say (threats 1, 28, 30, 33, 46, 47)", async () => {
  await pushImages();
  const wrong: string[] = [];
  for (const row of rows) {
    for (const place of row.places) {
      const answers = await askAll(row, place);
      lines.push({ row, place, answers });
      for (const [index, answer] of answers.entries()) {
        const player = players[index]!;
        const wanted = expectedOutcome(player, row, place);
        const came = outcomeOf(answer);
        if (came === wanted || (wanted === "a" && came === "m")) continue;
        wrong.push(`${row.name} at ${place}, ${player.name}: ${wanted} is expected, ${came} came: ${answer.body}`);
      }
    }
  }
  expect(wrong).toEqual([]);
  expect(lines.length * players.length).toBeGreaterThan(5_000);
}, 300_000);

const wireLetters: Readonly<Record<string, string>> = { "": "-", pull: "r", "pull,push": "w", "pull,push,delete": "f" };
const tokenLines: { readonly name: string; readonly place: string; readonly letters: string }[] = [];

test("a registry token holds what its holder may do, and no more (threats 1, 31)", async () => {
  for (const place of repositories) {
    const answers = await Promise.all(
      players.map(async (player) => {
        const path = `/token?scope=repository:${place}:pull,push,delete`;
        return ask(url, { method: "GET", path }, await headerOf(player, place));
      }),
    );
    const letters = answers.map(({ status, body }, index) => {
      const wanted = expectedToken(players[index]!, place);
      expect(status, `${players[index]!.name} ${place}`).toBe(wanted === undefined ? 401 : 200);
      if (wanted === undefined) return "u";
      const claims = Buffer.from(tokenIn(body).token.split(".")[1]!, "base64url").toString();
      const { access } = JSON.parse(claims) as { access: { actions: string[] }[] };
      const actions = access.flatMap((entry) => entry.actions);
      expect(actions, `${players[index]!.name} ${place}`).toEqual(wanted);
      return wireLetters[actions.join(",")] ?? "?";
    });
    tokenLines.push({ name: "GET token", place, letters: letters.join("") });
    const posted = await Promise.all(players.map((player) => postForToken(player, place)));
    // What a form holds is worth what the same login in a header is.
    for (const [index, letter] of posted.entries()) if (letter !== " ") expect(letter).toBe(letters[index]);
    tokenLines.push({ name: "POST token", place, letters: posted.join("") });
  }
  const keys = await Promise.all(
    players.map(({ header }) => ask(url, { method: "GET", path: "/.well-known/jwks.json" }, header)),
  );
  tokenLines.push({ name: "GET keys", place: "", letters: keys.map(outcomeOf).join("") });
  expect(tokenLines.at(-1)!.letters).toMatch(/^a+$/);
});

/** The password grant with the login of a player; a space where the login is none with a name. */
async function postForToken({ header = "", token }: Player, place: string): Promise<string> {
  if (token !== undefined || !header.startsWith("Basic ")) return " ";
  const [username = "", password = ""] = Buffer.from(header.slice(6), "base64").toString().split(":");
  const scope = `repository:${place}:pull,push,delete`;
  const body = new URLSearchParams({ grant_type: "password", username, password, scope }).toString();
  const { status, body: text } = await ask(url, { method: "POST", path: "/token", body });
  if (status !== 200) return status === 401 ? "u" : "!";
  const claims = Buffer.from(tokenIn(text).token.split(".")[1]!, "base64url").toString();
  const { access } = JSON.parse(claims) as { access: { actions: string[] }[] };
  return wireLetters[access.flatMap((entry) => entry.actions).join(",")] ?? "?";
}

/** Places between which nobody may tell who may see neither; names are equally long. */
const alike = [
  ["hers/app", "hers/nil", "none/nil"],
  ["hers", "none"],
  ["hers/nil", "none/nil"],
  ["rule-hers", "rule-none"],
  ["2", "9"],
  ["reader", "hidden"],
];

test("what is private and what is not there answer alike, byte for byte, to whoever may see neither (threat 28)", () => {
  let compared = 0;
  for (const row of rows) {
    for (const places of alike.filter((some) => some.every((place) => row.places.includes(place)))) {
      for (const [index, player] of players.entries()) {
        if (places.some((place) => place === player.user || expectedOutcome(player, row, place) === "a")) continue;
        // A scope says where it reaches, which its holder knows, so the reason differs outside.
        const group = player.scope === undefined ? places : places.filter((place) => place.startsWith("hers"));
        const answers = group.map(
          (place) => lines.find((line) => line.row === row && line.place === place)!.answers[index]!,
        );
        const texts = new Set(answers.map((answer, at) => withoutNames(answer, group[at]!)));
        if (group.length > 0) expect([...texts], `${row.name}, ${player.name}: ${group.join(", ")}`).toHaveLength(1);
        compared += group.length;
      }
    }
  }
  expect(compared).toBeGreaterThan(2_000);
});

test("methods that a route does not have mean nothing to anybody", async () => {
  for (const probe of meaninglessProbes()) {
    for (const player of players.filter(({ name }) => /^(?:nobody|owner|server owner|anonymous)$/.test(name))) {
      const { status, body } = await ask(url, probe, player.header);
      expect([status, body.includes("means nothing here")], `${probe.method} ${probe.path} ${player.name}`).toEqual([
        405,
        probe.method !== "HEAD",
      ]);
    }
  }
});

test("the requests of the matrix changed nothing", async () => {
  const list = await ask(url, { method: "GET", path: "/v2/_catalog" }, admin);
  expect(JSON.parse(list.body)).toEqual({ repositories: ["hers/app", "hers/run", "mine/app", "mine/run", "open/app"] });
  for (const name of ["mine/app", "hers/app", "open/app"]) {
    const { body } = await ask(url, { method: "GET", path: `/v2/${name}/tags/list` }, admin);
    expect(JSON.parse(body)).toEqual({ name, tags: ["all", "v1"] });
  }
  const namespaces = await ask(url, { method: "GET", path: "/api/v1/namespaces" }, admin);
  expect(JSON.parse(namespaces.body).items.map((one: any) => `${one.path} ${one.public}`)).toEqual([
    " false",
    "hers false",
    "mine false",
    "open true",
  ]);
});

test("the matrix is as it was read last", async () => {
  const columns = players.map((_player, index) => String.fromCharCode(index < 26 ? 65 + index : 97 + index - 26));
  const cells = [
    ...lines.map(({ row, place, answers }) => [row.name, place, answers.map(outcomeOf).join("")] as const),
    ...tokenLines.map(({ name, place, letters }) => [name, place, letters] as const),
  ];
  const format = ([name, place, letters]: readonly [string, string, string]) =>
    `${name.padEnd(30)} ${place.padEnd(10)} ${letters}`;
  const text = [
    "Who may what, where. a allowed, u unauthorized (401), d denied (403), m missing (404).",
    "Tokens: r pull, w and push, f and delete, - nothing. `hers` is private and somebody else's, `open` is public, the",
    "roles are on `mine`; `nil` and `none` are not there.",
    "",
    ...players.map(({ name }, index) => `  ${columns[index]} ${name}`),
    "",
    format(["", "", columns.join("")]),
    ...cells.map(format),
    "",
    `${cells.length} lines, ${cells.length * players.length} cells`,
    "",
  ];
  await expectGolden("permissions.txt", text.join("\n"));
});

test("the server's log has no error", () => {
  expect(guarded.server.errors).toEqual([]);
});
