"""The target aws: ECS Fargate, RDS and ElastiCache behind Cloudflare."""
