import { type RefObject, useEffect, useRef, useState } from 'react'
import type { TerminalRegistry } from '../context.ts'
import {
  type ControllerEvents,
  type ControllerOptions,
  TerminalController,
} from '../core/terminal-controller.ts'
import type { TerminalTarget } from '../core/terminal-target.ts'

interface ControllerInput {
  readonly container: RefObject<HTMLElement | null>
  readonly target: TerminalTarget | undefined
  readonly options: ControllerOptions
  readonly events: ControllerEvents
  readonly registry: TerminalRegistry | undefined
}

/** One controller for the life of a component. Listeners may change at every render; none of that reconnects. */
export function useTerminalController(input: ControllerInput): TerminalController {
  const { container, target, options, events, registry } = input
  const [controller] = useState(() => new TerminalController(options))
  const latest = useRef(target)
  useEffect(() => {
    controller.setEvents(events)
    controller.setOptions(options)
    latest.current = target
    controller.setTarget(target)
  })
  useEffect(() => {
    if (container.current !== null) controller.mount(container.current)
    // Its second mount in StrictMode comes without a new render, and so without the effect above.
    controller.setTarget(latest.current)
    return () => controller.unmount()
  }, [controller, container])
  useEffect(() => registry?.add(controller), [controller, registry])
  return controller
}
