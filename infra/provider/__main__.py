from infra.provider.server import main

main()
