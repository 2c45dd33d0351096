import type { ResourceTag } from "../../registry/index.ts";
import { EcrError } from "./ecr-error.ts";

/** Tags of a repository, and characters of a tag's parts, at most. */
const tagLimit = 50;
const keyLimit = 128;
const valueLimit = 256;

/** Of Amazon's own tags. */
const reserved = /^aws:/i;

/** @throws EcrError InvalidTagParameterException, TooManyTagsException */
export function readTags(given: readonly { readonly Key: string; readonly Value: string }[]): ResourceTag[] {
  const tags = given.map(({ Key: key, Value: value }) => ({ key, value }));
  const keys = tags.map(({ key }) => key);
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) throw invalid(`the tag key '${twice.slice(0, keyLimit)}' is given twice`);
  for (const { key, value } of tags) {
    if (key.length === 0 || key.length > keyLimit) throw invalid(`a tag key has 1 to ${keyLimit} characters`);
    if (value.length > valueLimit)
      throw invalid(`the value of the tag '${key}' has more than ${valueLimit} characters`);
    if (reserved.test(key)) throw invalid(`the tag key '${key}' begins with aws:, which is reserved`);
    // PostgreSQL takes no NUL, and halves of characters are none.
    if (/\p{Cc}|\p{Cs}/u.test(key + value)) throw invalid(`the tag '${key.slice(0, 20)}' has a control character`);
  }
  refuseTooMany(tags);
  return tags;
}

/** @throws EcrError TooManyTagsException */
export function refuseTooMany(tags: readonly ResourceTag[]): void {
  if (tags.length <= tagLimit) return;
  throw new EcrError("TooManyTagsException", `a repository has at most ${tagLimit} tags, and these are ${tags.length}`);
}

function invalid(message: string): EcrError {
  return new EcrError("InvalidTagParameterException", `Invalid parameter at 'tags': ${message}`);
}
