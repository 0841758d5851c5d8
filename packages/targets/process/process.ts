import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'
import { Failure } from '#kernel'
import type { Command, Host, Release, Target } from '#kernel'
import type { TargetContext } from '../index.ts'
import { artifactFolder, parseArtifact } from './artifact.ts'
import { releaseShell } from './release-shell.ts'
import { observeSlots } from './observe-slots.ts'
import { Records } from './records.ts'
import { readReply } from './reply.ts'
import { logsOf } from './slot-log.ts'
import { endpointsSchema } from './requests.ts'
import type { SlotRequest } from './requests.ts'
import { commandOf } from './supervisor.ts'
import { usageOf } from './usage.ts'

const answerMs = 60_000
const startMs = 600_000
const unpackedSchema = z.object({ folder: z.string(), environment: z.record(z.string(), z.string()) })

/**
 * Slots are supervised, detached processes of folder artifacts on a machine with nothing but Node. Everything is done by one program
 * on the host, so that an effect is one command under the host's lock.
 */
export function processTarget(context: TargetContext): Target {
  const { host } = context

  return {
    // A look needs no lock, and this target is always on this machine: no program has to start for it.
    observe: () => Promise.try(() => observeSlots(new Records(host.stateDir))),

    async preflight(release) {
      for (const service of release.services) {
        if (service.container !== undefined) throw noContainer(service.name)
        commandOf(service)
        const { path, sha256 } = parseArtifact(service.ref)
        if (existsSync(path) || existsSync(artifactFolder(host.stateDir, sha256))) continue
        throw new Failure('IMAGE_MISSING', `the archive ${path} of service ${service.name} is not there`, {
          field: 'release',
          hint: 'Build it on this machine, or bring it here under the same path.',
        })
      }
      return []
    },

    async prepare(release) {
      const request = { do: 'unpack', release: portable(release) } as SlotRequest
      await ask(context, host.act, request, unpackedSchema, startMs)
    },

    start(slot, release, secrets, signal) {
      const request = {
        do: 'start',
        slot,
        release: portable(release),
        ...(secrets === undefined ? {} : { secrets }),
      } as SlotRequest
      return ask(context, host.act, request, endpointsSchema, startMs, signal)
    },

    async stop(slot, { graceMs, remove }) {
      await ask(context, host.act, { do: 'stop', slot, graceMs, remove }, z.null(), answerMs + graceMs)
    },

    async handOver(slot, { graceMs }, signal) {
      await ask(context, host.act, { do: 'hand-over', slot, graceMs }, z.null(), answerMs + graceMs, signal)
    },

    logs: (slot) => Promise.try(() => logsOf(new Records(host.stateDir), slot)),

    usage: (slot, signal) => Promise.try(() => usageOf(new Records(host.stateDir), slot, signal)),

    place(kind, release) {
      if (kind !== 'release' || release === undefined) return context.runner
      const request = { do: 'unpack', release: portable(release) } as SlotRequest
      return releaseShell(context, release.id, () => ask(context, host.act, request, unpackedSchema, startMs))
    },

    async prune(keep) {
      await ask(context, host.act, { do: 'prune', keep: [...keep] }, z.null(), startMs)
    },
  }
}

function noContainer(service: string): Failure {
  return new Failure(
    'RELEASE_INVALID',
    `service ${service} has container options, and target process has no containers`,
    {
      field: `services.${service}`,
      hint: 'Leave memory, volumes, networks and the like out, or use target docker.',
    },
  )
}

async function ask<T>(
  context: TargetContext,
  way: Host['look'],
  request: SlotRequest,
  schema: z.ZodType<T>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<T> {
  const command: Command = {
    argv: [...context.resident, 'slot', context.host.stateDir],
    stdin: JSON.stringify(request),
    // Halves the start of a program that starts for every effect.
    env: { NODE_COMPILE_CACHE: `${context.host.stateDir}/cache` },
    timeoutMs,
  }
  const { stdout } = await way.call(context.host, command, signal)
  return readReply(stdout, schema)
}

/** The release with whole paths: the program on the host has another working folder. */
function portable(release: Release): Release {
  const services = release.services.map((service) => {
    const { path, sha256 } = parseArtifact(service.ref)
    return { ...service, ref: `${resolve(path)}@sha256:${sha256}` }
  })
  return { ...release, services }
}
