import { findEcrImagesById } from "../../../registry/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { EcrError } from "../ecr-error.ts";
import { invalidParameter } from "../errors.ts";
import { findFault, mayBeThere, readImageId, spellImageId, unknownImage } from "../images.ts";

type Operations = "DescribeImageScanFindings" | "StartImageScan";

/** No image was ever scanned. @throws EcrError ScanNotFoundException for one that is there */
export async function describeImageScanFindings(call: EcrCall<"DescribeImageScanFindings">): Promise<never> {
  await requireImage(call);
  const { repositoryName, imageId } = call.input;
  const message = `Image scan does not exist for the image with '${spellImageId(imageId)}' in the repository with name '${repositoryName}' in the registry with id '${call.account.id}'`;
  throw new EcrError("ScanNotFoundException", message);
}

/** There is nothing that scans. @throws EcrError ValidationException for an image that is there */
export async function startImageScan(call: EcrCall<"StartImageScan">): Promise<never> {
  await requireImage(call);
  throw new EcrError("ValidationException", "There is no scanner here yet: nothing was started. See docs/guide/ecr.md");
}

/** @throws EcrError ImageNotFoundException, InvalidParameterException; RegistryError as for a pull */
async function requireImage(call: EcrCall<Operations>): Promise<void> {
  const { registry, caller, account, input } = call;
  const { repositoryName, imageId } = input;
  const fault = findFault(imageId);
  if (fault !== undefined) throw invalidParameter("imageId", fault.failureReason);
  const wanted = mayBeThere(imageId) ? [readImageId(imageId)] : [];
  const { images } = await findEcrImagesById(registry, caller, nameWithin(account, repositoryName), wanted);
  if (images.length === 0) throw unknownImage(call, repositoryName, imageId);
}
