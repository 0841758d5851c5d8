import type { Transcript } from '#kernel'

/** Watched output in the job's log, in a group that folds. */
export function logTranscript(out: Pick<NodeJS.WriteStream, 'write'>): Transcript {
  return {
    open: (title) =>
      void out.write(`::group::${title.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')}\n`),
    write: (chunk) => void out.write(chunk),
    close: () => void out.write('::endgroup::\n'),
  }
}

/** Watched output on a terminal. */
export function plainTranscript(out: Pick<NodeJS.WriteStream, 'write'>): Transcript {
  return {
    open: (title) => void out.write(`▸ ${title}\n`),
    write: (chunk) => void out.write(chunk),
    close: () => undefined,
  }
}
