import { answer, messageOf, refusal, typeOf } from "./known-difference.ts";
import type { KnownDifference } from "./known-difference.ts";

/** Of policies of repositories, scanning and replication. */
export const registryDifferences: readonly KnownDifference[] = [
  // Policies of repositories
  {
    operations: ["SetRepositoryPolicy"],
    when: "the policy has what cannot be evaluated: a principal that is not there, an action of another service",
    moto: "keeps it",
    berth: "`InvalidParameterException`, which says what is wrong with which statement",
    reason: "a policy that is kept is evaluated; moto evaluates none",
    members: answer,
    holds: ({ moto, berth }) =>
      moto.status === 200 && messageOf(berth).includes("'Invalid repository policy provided: "),
    apart: "repository",
  },
  {
    operations: ["SetRepositoryPolicy"],
    when: "the policy is none",
    moto: "says that it is invalid",
    berth: "says also what is wrong with it",
    reason: "whoever wrote it has to find it",
    members: ["message"],
    holds: ({ difference: { theirs, ours } }) =>
      String(theirs).endsWith("'Invalid repository policy provided'") &&
      String(ours).startsWith(`${String(theirs).slice(0, -1)}: `),
  },
  // Scanning and replication
  {
    operations: ["StartImageScan", "DescribeImageScanFindings"],
    when: "the image is there",
    moto: "says that it is being scanned, and from then on that it has a weakness named `CVE-9999-9999`",
    berth: "`ValidationException`, `ScanNotFoundException`",
    reason: "there is no scanner yet, and none is pretended",
    members: refusal,
    holds: ({ berth, call: { operation } }) =>
      operation === "StartImageScan"
        ? typeOf(berth) === "ValidationException" && messageOf(berth).includes("no scanner")
        : typeOf(berth) === "ScanNotFoundException",
  },
  {
    operations: ["BatchGetRepositoryScanningConfiguration"],
    when: "the repository or a rule scans on push",
    moto: "`scanOnPush` is false, and the repository's own setting does not count",
    berth: "`scanOnPush` and `scanFrequency` say so",
    reason: "ECR's repository setting counts in a registry that scans BASIC",
    members: ["scanningConfigurations.*.scanOnPush", "scanningConfigurations.*.scanFrequency"],
    holds: ({ difference: { theirs, ours } }) =>
      (theirs === false && ours === true) || (theirs === "MANUAL" && ours === "SCAN_ON_PUSH"),
  },
  {
    operations: ["PutRegistryScanningConfiguration"],
    when: "a rule scans continuously in a registry that scans BASIC",
    moto: "keeps it",
    berth: "`InvalidParameterException`",
    reason: "BASIC has no such frequency",
    members: answer,
    holds: ({ call: { input }, berth }) =>
      input.scanType === "BASIC" &&
      input.rules[0]?.scanFrequency === "CONTINUOUS_SCAN" &&
      messageOf(berth).includes("scanType"),
    apart: "registry",
  },
  {
    operations: ["PutReplicationConfiguration"],
    when: "there is more than one rule",
    moto: "`ValidationException`",
    berth: "keeps up to ten",
    reason: "so the model has it",
    members: answer,
    holds: ({ call: { input }, moto, berth }) =>
      input.replicationConfiguration.rules.length > 1 && typeOf(moto) === "ValidationException" && berth.status === 200,
    apart: "registry",
  },
];
