package main

// commands returns all commands in the order of the help.
func commands() []*command {
	return []*command{
		quickstartCommand(),
		serveCommand(),
		deployCommand(),
		buildCommand(),
		applyCommand(),
		diffCommand(),
		exportCommand(),
		importCommand(),
		schemaCommand(),
		invokeCommand(),
		servicesCommand(),
		versionsCommand(),
		rollbackCommand(),
		deleteCommand(),
		logsCommand(),
		newCommand(),
		devCommand(),
		testCommand(),
		tenantCommand(),
		channelCommand(),
		authCommand(),
		connectionCommand(),
		connectionsCommand(),
		pingCommand(),
		configCommand(),
		secretCommand(),
		kvCommand(),
		translateCommand(),
		doctorCommand(),
		versionCommand(),
	}
}
