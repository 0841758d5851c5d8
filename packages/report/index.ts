export { htmlPage } from './html.ts'
export { reportJson } from './json.ts'
export { junitXml } from './junit.ts'
export { mermaidPlot } from './mermaid.ts'
