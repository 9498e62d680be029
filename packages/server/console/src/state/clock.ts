import { useEffect, useReducer } from 'react'

/** Draws again every minute, for ages. */
export function useMinute(): void {
  const [, tick] = useReducer((count: number) => count + 1, 0)
  useEffect(() => {
    const timer = setInterval(tick, 60_000)
    return () => clearInterval(timer)
  }, [])
}
