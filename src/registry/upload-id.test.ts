import { createHmac, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { newUploadId, newUploadMark, readUploadId } from "./upload-id.ts";

const key = randomBytes(32);
const mark = newUploadMark();
const session = { repository: "a", place: 36, owner: "account:1" };

test.each([16, 32, 64, 65, 200])("an id is signed with HMAC-SHA256, whatever the key's length (%i bytes)", (length) => {
  const other = randomBytes(length);
  const id = newUploadId(other, { ...session, repository: "team/app" }, "sha256", 1_700_000_000_000, mark);
  const [head, signature] = [id.slice(0, -23), id.slice(-22)];
  const mac = createHmac("sha256", other).update(`team/app\naccount:1\n${head}`).digest().subarray(0, 16);
  expect(signature).toBe(mac.toString("base64url"));
});

test("an id says when and by whom it was made and what its bytes are hashed with", () => {
  expect(readUploadId(key, session, newUploadId(key, session, "sha512", 1234, mark))).toEqual({
    createdAt: 1234,
    algorithm: "sha512",
    place: 36,
    mark,
  });
});

test("an id of another repository, of another owner, of another key, or with one character changed is unknown", () => {
  const id = newUploadId(key, session, "sha256", 1234, mark);
  expect(readUploadId(key, { ...session, repository: "b" }, id)).toBeUndefined();
  expect(readUploadId(key, { ...session, owner: "account:2" }, id)).toBeUndefined();
  expect(readUploadId(randomBytes(32), session, id)).toBeUndefined();
  expect(readUploadId(key, session, `${id[0] === "1" ? "2" : "1"}${id.slice(1)}`)).toBeUndefined();
});

test("no two ids are the same", () => {
  const ids = Array.from({ length: 2000 }, () => newUploadId(key, session, "sha256", 1234, mark));
  expect(new Set(ids).size).toBe(2000);
});
