/* Partyline's page. */
