import { z } from "zod";

/** A key pair instead of a secret: asked for. */
export const aws = z.boolean().optional().meta({
  description: "A key pair for tools of AWS instead of a secret: they sign their requests with it",
});

export const accessKeyId = z.string().meta({ description: "Of its key pair for tools of AWS: `AKIA…`" });

export const secretAccessKey = z.string().nullable().optional().meta({
  description: "Of its key pair; shown once: null when the request is answered again",
});
