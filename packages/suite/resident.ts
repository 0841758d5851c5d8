/**
 * The program that stays on a host: router, supervisor, and the one-shot programs that speak to them. Each part is loaded only when it is
 * asked for, inside the one bundle: a change of weights must not wait for what only the router needs.
 */
const usage = `usage: resident router FOLDER
       resident control FOLDER [WAIT_MS]      one request on standard input
       resident slot STATE_FOLDER             one request on standard input
       resident supervisor STATE_FOLDER SLOT RUN
`

type Part = (words: readonly string[]) => Promise<void>

const parts: Readonly<Record<string, { readonly words: readonly [number, number]; readonly run: Part }>> = {
  router: {
    words: [1, 1],
    run: async ([folder = '']) => {
      const { runRouter } = await import(/* webpackMode: "eager" */ '../routers/embedded/daemon.ts')
      await runRouter(folder)
    },
  },
  control: {
    words: [1, 2],
    run: async ([folder = '', waitMs = '0']) => {
      const { runControl } = await import(/* webpackMode: "eager" */ '../routers/embedded/control.ts')
      await runControl(folder, Number(waitMs))
    },
  },
  slot: {
    words: [1, 1],
    run: async ([root = '']) => {
      const { runSlotProgram } = await import(/* webpackMode: "eager" */ '../targets/process/slot-program.ts')
      await runSlotProgram(root, process.env)
    },
  },
  supervisor: {
    words: [3, 3],
    run: async ([root = '', slot = '', run = '']) => {
      if (slot !== 'blue' && slot !== 'green') return refuse()
      const { runSupervisor } = await import(/* webpackMode: "eager" */ '../targets/process/supervisor.ts')
      await runSupervisor(root, slot, run, process.env)
    },
  },
}

const [name = '', ...words] = process.argv.slice(2)
const part = Object.hasOwn(parts, name) ? parts[name] : undefined
if (part === undefined || words.length < part.words[0] || words.length > part.words[1]) refuse()
else void part.run(words)

function refuse(): void {
  process.stderr.write(usage)
  process.exitCode = 2
}
