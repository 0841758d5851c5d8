/** What docker says of each thing of an engine that other suites use too: what is gone meanwhile says nothing. */
export async function shownByDocker(
  docker: (...words: string[]) => Promise<string>,
  word: 'inspect' | 'logs',
  ids: Iterable<string>,
): Promise<string> {
  const ask = (id: string) =>
    docker(word, id).catch((thrown: Error) => {
      if (/No such/i.test(thrown.message)) return ''
      throw thrown
    })
  return (await Promise.all([...new Set(ids)].map(ask))).join('\n')
}
