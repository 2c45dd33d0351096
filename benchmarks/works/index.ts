import type { Work } from "../work.ts";
import { collection } from "./collection.ts";
import { describeImagesPage, pushByCalls } from "./ecr.ts";
import { lifecyclePreview, pushGoverned } from "./governance.ts";
import { catalogPage, tagsPage } from "./lists.ts";
import { manifestGetAuth } from "./login.ts";
import { memory, startUp } from "./process.ts";
import { blobGet, blobGetLarge, getWhilePush, manifestGet } from "./pull.ts";
import { sharedStores } from "./shared.ts";
import { verifySignatures } from "./signatures.ts";
import { manifestPut, pushLargeBlob, pushSmall, pushTags } from "./push.ts";

/** The rows of the table, in its order. */
export const works: readonly Work[] = [
  manifestGet,
  manifestGetAuth,
  blobGet,
  blobGetLarge,
  pushSmall,
  pushLargeBlob,
  pushTags,
  manifestPut,
  tagsPage,
  catalogPage,
  startUp,
  memory,
  getWhilePush,
  sharedStores,
  pushGoverned,
  lifecyclePreview,
  collection,
  verifySignatures,
  describeImagesPage,
  pushByCalls,
];
