"""The realtime process: WebSocket connections that speak the Pusher protocol, version 7."""
