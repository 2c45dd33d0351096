import { expect, test } from "vitest";
import { deriveKey, isSignedWith, readSignature } from "../../src/access/aws/read-signature.ts";
import type { SignedRequest } from "../../src/access/aws/signed-request.ts";
import { SignatureError } from "../../src/access/aws/signature-error.ts";
import { botocoreCases, planRequest, recordedCalls, signWithAws4, signWithSmithy } from "../support/aws-signers.ts";
import type { SignedCase } from "../support/aws-signers.ts";
import { Dice } from "../support/fuzz-requests.ts";

/** Undefined when it is taken, otherwise why not. */
function refusalOf(one: SignedCase, at = one.now): string | undefined {
  try {
    const claimed = readSignature(one, { service: one.service, now: at });
    return isSignedWith(claimed, deriveKey(one.secret, claimed)) ? undefined : "the signature does not match";
  } catch (error) {
    if (error instanceof SignatureError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

/** One thing is another than was signed: method, path, query, body, a signed header, or the signature. */
function alter(one: SignedCase, dice: Dice): Partial<SignedRequest> {
  switch (dice.below(6)) {
    case 0:
      return { method: one.method === "POST" ? "PUT" : "POST" };
    case 1:
      return { path: "/q" };
    case 2:
      return { query: one.query === "" ? "q=1" : `${one.query}&q=1` };
    case 3:
      return { body: Buffer.concat([one.body, Buffer.from(" ")]) };
    case 4: {
      const signed = signedNames(one);
      const places = [...one.headers.keys()].filter(
        (at) => at % 2 === 0 && signed.includes(one.headers[at]!.toLowerCase()),
      );
      return { headers: one.headers.with(dice.pick(places) + 1, "another") };
    }
    default: {
      const at = dice.below(64);
      const flip = (_: string, hex: string) =>
        `Signature=${hex.slice(0, at)}${hex[at] === "0" ? "1" : "0"}${hex.slice(at + 1)}`;
      const change = (text: string) => text.replace(/Signature=([0-9a-f]{64})/, flip);
      return { query: change(one.query), headers: one.headers.map(change) };
    }
  }
}

function signedNames({ headers, query }: SignedCase): string[] {
  const [, names] = /SignedHeaders=([^,&\s]+)/.exec(`${headers.join(" ")} ${query}`)!;
  return decodeURIComponent(names!).split(";");
}

const cases: Promise<readonly (readonly [string, SignedCase])[]> = (async () => {
  const dice = new Dice(20261130);
  const made: [string, SignedCase][] = botocoreCases().map((one) => ["botocore", one]);
  // Every recorded call, then any.
  for (let number = 0; number < 900; number++) {
    const plan = planRequest(dice, recordedCalls[number]);
    made.push(["@smithy/signature-v4", await signWithSmithy(plan)], ["aws4", signWithAws4(plan)]);
  }
  return made;
})();

test("what botocore, @smithy/signature-v4 and aws4 sign is taken: 2,200 requests, in headers and in queries", async () => {
  const refused = (await cases).map(([signer, one]) => ({ signer, why: refusalOf(one), one })).filter(({ why }) => why);
  expect(refused.slice(0, 3)).toEqual([]);
  expect(refused).toHaveLength(0);
  const signers = Map.groupBy(await cases, ([signer]) => signer);
  expect([...signers.values()].map((list) => list.length)).toEqual([400, 900, 900]);
  expect((await cases).filter(([, { query }]) => query.includes("X-Amz-Signature")).length).toBeGreaterThan(100);
});

test("the same with one thing changed is refused, whatever it is", async () => {
  const dice = new Dice(7);
  const taken: unknown[] = [];
  for (const [signer, one] of await cases) {
    for (let time = 0; time < 3; time++) {
      const altered = { ...one, ...alter(one, dice) };
      if (refusalOf(altered) === undefined) taken.push({ signer, one, altered });
    }
  }
  expect(taken.slice(0, 2)).toEqual([]);
});

test("another secret, service, region or day makes another signature", async () => {
  for (const [, one] of (await cases).filter((_, index) => index % 10 === 0)) {
    const claimed = readSignature(one, { service: one.service, now: one.now });
    for (const changed of [
      deriveKey(`${one.secret}x`, claimed),
      deriveKey(one.secret, { ...claimed, service: "s3" }),
      deriveKey(one.secret, { ...claimed, region: "mars-1" }),
      deriveKey(one.secret, { ...claimed, day: "20200101" }),
    ]) {
      expect(isSignedWith(claimed, changed)).toBe(false);
    }
  }
});

test("order and spacing are as one likes where they mean nothing", async () => {
  const dice = new Dice(11);
  for (const [, one] of (await cases).filter((_, index) => index % 7 === 0)) {
    const pairs = Array.from({ length: one.headers.length / 2 }, (_, at) => one.headers.slice(2 * at, 2 * at + 2));
    const headers = pairs
      .toSorted(() => dice.below(3) - 1)
      .map(([name, value]) => [
        dice.once(2) ? name!.toUpperCase() : name!.toLowerCase(),
        name!.toLowerCase() === "authorization" ? value!.replace(/, */g, dice.pick([",", ", ", ",  "])) : `  ${value} `,
      ]);
    const query = one.query.split("&").toReversed().join("&");
    expect(refusalOf({ ...one, query, headers: headers.flat() })).toBeUndefined();
  }
});

test("a request is good for five minutes before and after it was signed, an address until it ends", async () => {
  const minute = 60_000;
  for (const [, one] of (await cases).filter((_, index) => index % 10 === 0)) {
    const presigned = one.query.includes("X-Amz-Signature");
    expect(refusalOf(one, one.now - 5 * minute)).toBeUndefined();
    expect(refusalOf(one, one.now - 5 * minute - 1000)).toMatch(
      /^InvalidSignatureException: Signature not yet current: /,
    );
    const life = Number(/X-Amz-Expires=(\d+)/.exec(one.query)?.[1] ?? 300) * 1000;
    expect(refusalOf(one, one.now + life - 1000)).toBeUndefined();
    expect(refusalOf(one, one.now + life + (presigned ? 0 : 1))).toMatch(
      /^InvalidSignatureException: Signature expired: /,
    );
  }
});
