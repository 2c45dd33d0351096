import { createHmac, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { newUploadId, newUploadMark, readUploadId } from "./upload-id.ts";

const key = randomBytes(32);
const mark = newUploadMark();

test.each([16, 32, 64, 65, 200])("an id is signed with HMAC-SHA256, whatever the key's length (%i bytes)", (length) => {
  const other = randomBytes(length);
  const id = newUploadId(other, "team/app", "sha256", 1_700_000_000_000, mark);
  const [head, signature] = [id.slice(0, -23), id.slice(-22)];
  const mac = createHmac("sha256", other).update(`team/app\n${head}`).digest().subarray(0, 16);
  expect(signature).toBe(mac.toString("base64url"));
});

test("an id says when and by whom it was made and what its bytes are hashed with", () => {
  expect(readUploadId(key, "a", newUploadId(key, "a", "sha512", 1234, mark))).toEqual({
    createdAt: 1234,
    algorithm: "sha512",
    mark,
  });
});

test("an id of another repository, of another key, or with one character changed is unknown", () => {
  const id = newUploadId(key, "a", "sha256", 1234, mark);
  expect(readUploadId(key, "b", id)).toBeUndefined();
  expect(readUploadId(randomBytes(32), "a", id)).toBeUndefined();
  expect(readUploadId(key, "a", `${id[0] === "1" ? "2" : "1"}${id.slice(1)}`)).toBeUndefined();
});

test("no two ids are the same", () => {
  const ids = Array.from({ length: 2000 }, () => newUploadId(key, "a", "sha256", 1234, mark));
  expect(new Set(ids).size).toBe(2000);
});
