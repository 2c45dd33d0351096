import { spawnSync } from "node:child_process";
import { afterAll, expect, test } from "vitest";
import { inputs } from "../../src/api/ecr/model/inputs.ts";
import type { OperationName } from "../../src/api/ecr/model/inputs.ts";
import { compareAnswers } from "../support/compare-answers.ts";
import type { ComparedAnswer } from "../support/compare-answers.ts";
import { knownDifferences } from "../support/ecr-differences/index.ts";
import type { KnownDifference } from "../support/ecr-differences/index.ts";
import { lackingOperations, makeCall, poolBlobs, putIndex, region } from "../support/ecr-sequence.ts";
import type { SequenceCall } from "../support/ecr-sequence.ts";
import { authorizationIn, ecrTarget } from "../support/ecr-wire.ts";
import { Dice } from "../support/fuzz-requests.ts";
import { expectTable } from "../support/golden.ts";
import { startMoto } from "../support/moto.ts";
import { getPeer, needPeers } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { startTestServer } from "../support/start-server.ts";
import { WireClient } from "../support/wire-client.ts";

/*
 * Each commit has a short sequence of its own. `MOTO_CALLS=5000 MOTO_SEED=1` is the long one of docs/status.md: a long one must
 * ask for each operation, and tells which lines of the table it did not need.
 */

/** Calls that are compared on each database, some more where there is something to look at after one. */
const wanted = Number(process.env["MOTO_CALLS"] ?? 250);
const seed = Number(process.env["MOTO_SEED"] ?? seedOfCommit());
/** What is compared with recorded answers alone. */
const apart: readonly OperationName[] = ["DeleteRegistryPolicy", "GetRegistryPolicy", "PutRegistryPolicy"];
const account = "123456789012";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

function seedOfCommit(): number {
  const told = spawnSync("git", ["rev-parse", "HEAD"], { cwd: import.meta.dirname, encoding: "utf8" });
  // What was unpacked from a package has no commit.
  return told.status === 0 ? Number.parseInt(told.stdout.slice(0, 7), 16) : 1;
}

async function ask(url: string, operation: string, input: object): Promise<ComparedAnswer & { readonly body: any }> {
  const answer = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": `${ecrTarget}${operation}`,
      authorization: authorizationIn(region),
    },
    body: JSON.stringify(input),
  });
  const text = await answer.text();
  // What breaks in moto is a page of HTML, and what it lacks a line of text.
  return { status: answer.status, body: text.startsWith("{") ? JSON.parse(text) : text };
}

/** A sequence of calls to both, and the differences that nothing explains. */
class Comparison {
  readonly unexplained: string[] = [];
  readonly met = new Set<KnownDifference>();
  readonly asked = new Set<OperationName>();
  compared = 0;
  readonly #held = new Map<string, Map<string, Set<string>>>();
  readonly #moto: string;
  readonly #berth: string;

  /** @param moto its address */
  constructor(moto: string, berth: string) {
    this.#moto = moto;
    this.#berth = berth;
  }

  /** Asks for what moto has nothing of. */
  async askForLacking(): Promise<void> {
    const input = { repositoryName: "none/such" };
    for (const operation of lackingOperations) await this.#compare({ operation, input, before: this.#held });
  }

  async step(dice: Dice): Promise<void> {
    const call = makeCall(dice, this.#held);
    const before = new Map([...this.#held].map(([name, images]) => [name, new Map(images)]));
    const { answer, apart } = await this.#compare({ ...call, before });
    const { operation, input } = call;
    const name: string | undefined = input.repositoryName ?? /repository\/(.+)/.exec(input.resourceArn ?? "")?.[1];
    let whole = apart;
    if (answer.status === 200 && name !== undefined && apart !== "repository") {
      if (operation === "DeleteRepository") this.#held.delete(name);
      if (operation === "CreateRepository") whole ??= await this.#furnish(name, dice.once(2));
      if (operation === "PutImage" || operation === "BatchDeleteImage") {
        const look: SequenceCall = {
          operation: "ListImages",
          input: { repositoryName: name },
          before,
          after: operation,
        };
        const listed = await this.#compare(look);
        this.#hold(name, listed.answer.body.imageIds);
        whole ??= listed.apart;
      }
    }
    if (whole === "repository" && name !== undefined)
      await this.#both("DeleteRepository", { repositoryName: name, force: true });
    if (whole === "repository" && name !== undefined) this.#held.delete(name);
    if (whole === "registry") {
      await this.#both("PutReplicationConfiguration", { replicationConfiguration: { rules: [] } });
      await this.#both("PutRegistryScanningConfiguration", { scanType: "BASIC", rules: [] });
    }
  }

  #both(operation: string, input: object) {
    return Promise.all([ask(this.#moto, operation, input), ask(this.#berth, operation, input)]);
  }

  async #compare(call: SequenceCall): Promise<{
    readonly answer: { readonly status: number; readonly body: any };
    readonly apart: KnownDifference["apart"];
  }> {
    const [moto, berth] = await this.#both(call.operation, call.input);
    this.compared++;
    this.asked.add(call.operation);
    let apart: KnownDifference["apart"];
    for (const difference of compareAnswers(moto, berth)) {
      const known = knownDifferences.find(
        ({ operations, members, holds }) =>
          (operations === "every operation" || operations.includes(call.operation)) &&
          members.includes(difference.member) &&
          holds({ call, difference, moto, berth }),
      );
      if (known !== undefined) this.met.add(known);
      else {
        const { member, keys, theirs, ours } = difference;
        const held = [...(call.before.get(call.input.repositoryName) ?? [])].map(([digest, tags]) => [digest, ...tags]);
        this.unexplained.push(
          `${call.operation} ${JSON.stringify(call.input)} of ${JSON.stringify(held)}: ${member} ${keys.join(" ")}: moto ${JSON.stringify(theirs)}, Berth ${JSON.stringify(ours)}`,
        );
      }
      apart ??= known === undefined ? "repository" : known.apart;
    }
    return { answer: berth, apart };
  }

  /** A repository has the blobs that images are made of, and one that is full an index and its images. */
  async #furnish(name: string, full: boolean): Promise<KnownDifference["apart"]> {
    this.#held.set(name, new Map());
    const wire = new WireClient(() => this.#berth);
    for (const blob of poolBlobs) await wire.pushBlob(name, blob);
    if (!full) return undefined;
    let apart: KnownDifference["apart"];
    for (const call of putIndex(name)) apart ??= (await this.#compare({ ...call, before: new Map() })).apart;
    const listed = await this.#both("ListImages", { repositoryName: name });
    this.#hold(name, listed[1].body.imageIds);
    return apart;
  }

  #hold(name: string, ids: readonly { readonly imageDigest: string; readonly imageTag?: string }[]): void {
    const images = new Map<string, Set<string>>();
    for (const { imageDigest, imageTag } of ids) {
      const tags = images.get(imageDigest) ?? new Set();
      images.set(imageDigest, imageTag === undefined ? tags : tags.add(imageTag));
    }
    this.#held.set(name, images);
  }
}

test.each(["SQLite", "PostgreSQL"] as const)(
  "on %s, a sequence of calls is answered as moto answers it, but for what the table explains",
  async (kind, context: any) => {
    if (kind === "PostgreSQL") needPeers(context, "postgresql");
    const moto = await startMoto(getPeer(context, "moto"));
    const server = await startTestServer({
      ...(kind === "PostgreSQL" && { database: await postgres!.makeDatabase() }),
      ecr: { accounts: [{ id: account, namespace: "" }], publicHost: `${account}.dkr.ecr.${region}.amazonaws.com` },
    });
    try {
      const dice = new Dice(seed);
      const comparison = new Comparison(moto.url, server.url);
      await comparison.askForLacking();
      while (comparison.compared < wanted && comparison.unexplained.length < 40) await comparison.step(dice);
      const again = `MOTO_SEED=${seed} MOTO_CALLS=${comparison.compared} npx vitest run tests/ecr/moto.test.ts`;
      console.log(`${kind}: ${comparison.compared} calls, seed ${seed}`);
      expect(comparison.unexplained, again).toEqual([]);
      expect(server.errors, again).toEqual([]);
      // A table that explains what is not met any more hides what comes in its place.
      if (comparison.compared >= 5000) {
        const unmet = knownDifferences.filter((known) => !comparison.met.has(known)).map(({ when }) => when);
        console.log(`lines that nothing needed: ${unmet.join("; ") || "none"}`);
        expect(new Set([...comparison.asked, ...apart])).toEqual(new Set(Object.keys(inputs)));
      }
    } finally {
      await server.close();
      await moto.stop();
    }
  },
  1_800_000,
);

test("docs/ecr-differences.md shows the same table", async () => {
  const rows = knownDifferences.map(({ operations, when, moto, berth, reason }) => {
    const names = typeof operations === "string" ? operations : operations.join(", ");
    return [names, when, moto, berth, reason];
  });
  await expectTable("ecr-differences.md", "Beside moto", ["operation", "when", "moto", "Berth", "why"], rows);
});
