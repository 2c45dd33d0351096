import { z } from "zod";
import { setting } from "./kinds.ts";

const { flag, group, text } = setting;

const path = /^(?:[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*)*)?$/;

/** What clients of Amazon ECR find here. */
export const ecrSettings = group(
  {
    accounts: z
      .array(
        z.strictObject({
          id: z.string().regex(/^\d{12}$/, "12 digits, in quotes"),
          region: z
            .string()
            .regex(/^[a-z0-9-]{2,25}$/, "a region such as eu-central-1")
            .optional(),
          namespace: z.string().max(200).regex(path, "the path of a namespace, or empty for the root").prefault(""),
        }),
        "a list of accounts, each with id and, where it is not the root, namespace",
      )
      .max(100, "100 accounts at most")
      .prefault([])
      .describe(
        "Accounts of AWS as clients of ECR know them, in the file only: `id` (12 digits), `namespace` (whose repositories it has, with all below it; the root when not set), `region` (the only one in which it is there; every one when not set). The first is the one for any other account that a client names. With none there is the account 000000000000 for the root.",
      ),
    createOnPush: flag(false, {
      about:
        "Whether a push makes a repository where the registry is called by the host of an account (`<digits>.dkr.ecr.<region>.…`), as elsewhere, also where no creation template of the account is for it; at Amazon it does not.",
    }),
    strict: flag(false, {
      about:
        "Whether tags that do not move are refused as Amazon's are, on hosts of accounts and by the ECR API: also for the image that they name already, and tags such as `sha256-….sig`, which belong to another image. A second push of the same image fails then.",
    }),
    publicHost: text({
      about:
        "Host, with its port, that `repositoryUri` and `proxyEndpoint` name, for clients that reach the ECR API by another name than the registry; what the client asked for when not set.",
    })
      .regex(/^[a-z0-9.[\]:-]{1,255}$/, "a host such as registry.example.com or registry.example.com:5000")
      .optional(),
  },
  { about: "The API of Amazon ECR ([guide](guide/ecr.md))." },
);
