import { expect, test } from "vitest";
import { readUsage } from "./read-usage.ts";

const options = { host: "registry.example.com", anyHost: false, machine: "host-1" };
const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const [a, b, c, d] = ["a", "b", "c", "d"].map(digest) as [string, string, string, string];

const pod = (name: string, more: object, status: object) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { namespace: "prod", name, ...(more as { metadata?: object }).metadata },
  spec: (more as { spec?: object }).spec ?? { containers: [] },
  status: { phase: "Running", ...status },
});
const owned = (kind: string, name: string, labels: object = {}) => ({
  metadata: { ownerReferences: [{ kind, name, controller: true }], labels },
});

test("pods as kubectl prints them: deployments by their name, images by the digest that the node pulled", () => {
  const list = {
    ...{ apiVersion: "v1", kind: "List" },
    items: [
      pod(
        "web-6d4cf56db6-x7k2p",
        {
          ...owned("ReplicaSet", "web-6d4cf56db6", { "pod-template-hash": "6d4cf56db6" }),
          spec: { containers: [{ name: "web", image: "registry.example.com/team/web:v1" }] },
        },
        {
          containerStatuses: [
            { name: "web", image: "registry.example.com/team/web:v1", imageID: `registry.example.com/team/web@${a}` },
          ],
        },
      ),
      pod(
        "db-0",
        {
          ...owned("StatefulSet", "db"),
          spec: {
            containers: [{ name: "db", image: `registry.example.com/team/db@${b}` }],
            initContainers: [{ name: "init", image: "registry.example.com/team/init:v2" }],
          },
        },
        {
          // The node knows it by another name, as docker does.
          containerStatuses: [{ name: "db", image: "x", imageID: `docker-pullable://mirror.example/db@${b}` }],
          initContainerStatuses: [
            { name: "init", image: "registry.example.com/team/init:v2", imageID: `other.example/init@${c}` },
          ],
        },
      ),
      // Of a config, which no manifest has; over; of somebody else.
      pod("bare", {}, { containerStatuses: [{ name: "x", image: "registry.example.com/team/bare:v1", imageID: d }] }),
      pod("job-1", owned("Job", "job"), {
        phase: "Succeeded",
        containerStatuses: [{ name: "x", image: "y", imageID: `registry.example.com/team/job@${d}` }],
      }),
      pod("hub", {}, { containerStatuses: [{ name: "x", image: "nginx:1", imageID: `docker.io/library/nginx@${d}` }] }),
    ],
  };
  expect(readUsage(JSON.stringify(list), options)).toEqual({
    uses: [
      { digest: a, repository: "team/web", workload: "prod/deployment/web" },
      { digest: b, repository: "team/db", workload: "prod/statefulset/db" },
      { digest: c, repository: "team/init", workload: "prod/statefulset/db" },
    ],
    elsewhere: 1,
    unknown: 1,
  });
  const all = readUsage(JSON.stringify(list), { ...options, anyHost: true });
  expect(all.uses).toContainEqual({ digest: d, workload: "prod/pod/hub" });
});

test("docker's containers with the digests of their images; those that are over are not running", () => {
  const inspected = [
    {
      Id: "1",
      Name: "/web",
      Image: digest("1"),
      Config: { Image: "registry.example.com/team/web:v1" },
      State: { Status: "running" },
    },
    {
      Id: "2",
      Name: "/again",
      Image: digest("1"),
      Config: { Image: "registry.example.com/team/web:v1" },
      State: { Status: "paused" },
    },
    {
      Id: "3",
      Name: "/old",
      Image: digest("2"),
      Config: { Image: "registry.example.com/team/old:v1" },
      State: { Status: "exited" },
    },
    { Id: "4", Name: "/lost", Image: digest("3"), Config: { Image: "built-here" }, State: { Status: "running" } },
    {
      Id: digest("1"),
      RepoTags: ["registry.example.com/team/web:v1"],
      RepoDigests: [`registry.example.com/team/web@${a}`, `docker.io/x/web@${b}`],
    },
    { Id: digest("2"), RepoTags: [], RepoDigests: [`registry.example.com/team/old@${c}`] },
  ];
  expect(readUsage(JSON.stringify(inspected), options)).toEqual({
    uses: [{ digest: a, repository: "team/web", workload: "host-1/web and 1 more" }],
    elsewhere: 0,
    unknown: 1,
  });
  const lines = [
    { ID: "1", Image: `registry.example.com/team/web:v1@${a}`, Names: "web", State: "running" },
    { ID: "2", Image: "registry.example.com/team/web:v1", Names: "tagged", State: "running" },
  ];
  expect(readUsage(lines.map((line) => JSON.stringify(line)).join("\n"), options)).toEqual({
    uses: [{ digest: a, repository: "team/web", workload: "host-1/web" }],
    elsewhere: 0,
    unknown: 1,
  });
});

test("a list of references and digests, each with what runs it", () => {
  const text = `# by hand\nregistry.example.com/team/web@${a} nightly report\n\n${b}\n  localhost:5000/x@${c} y\n`;
  expect(readUsage(text, options)).toEqual({
    uses: [
      { digest: a, repository: "team/web", workload: "nightly report" },
      { digest: b, workload: "host-1" },
    ],
    elsewhere: 1,
    unknown: 0,
  });
  expect(readUsage(" \n", options).uses).toEqual([]);
});

test("what is none of them is refused in words, and no workload breaks a line", () => {
  expect(() => readUsage("team/web:v1 x", options)).toThrow("names no digest");
  for (const text of [
    '{"kind": "Service"}',
    '[{"a": 1}]',
    '{"a": 1}\n{',
    '{"kind":"List","items":[{"kind":"Node"}]}',
  ]) {
    expect(() => readUsage(text, options), text).toThrow("neither the JSON of");
  }
  const long = readUsage(`${a} ${"x".repeat(400)}`, options).uses[0]!;
  expect(long.workload).toHaveLength(150);
  expect(readUsage(JSON.stringify([{ Names: "a\nb", Image: a }]), options).uses[0]!.workload).toBe("host-1/a b");
});
